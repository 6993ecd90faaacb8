"""A report block by block: what is shown is what was written, with its lines, and what became of it."""

from __future__ import annotations

import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.reading import markdown, report
from server.reading.report import Gone, Item, Passage

REPORT = """\
# Which parser?

The *new* one:
it is [quicker][1].

## What to do

- Replace it. It is `slow`,
  and nobody
  knows why.

  Even with a second paragraph.
- [ ] Measure twice: before and after!
- [x] Ask Ada
-

3. Third
4. Fourth
   - with a part

| a | b |
|---|---|
| 1 | 2 |

```py
- no item
```

[1]: https://example.org
"""


def test_each_block_knows_its_lines_and_they_cover_all_that_is_shown() -> None:
    lines = REPORT.split("\n")
    blocks = report.blocks(REPORT)
    assert [(b.line, b.end_line) for b in blocks] == [
        (1, 1),
        (3, 4),
        (6, 6),
        (8, 12),
        (13, 13),
        (14, 14),
        (15, 15),
        (17, 17),
        (18, 19),
        (21, 23),
        (25, 27),
    ]
    assert all(b.source == "\n".join(lines[b.line - 1 : b.end_line]) for b in blocks)
    assert blocks[1].html == (
        "<p>The <em>new</em> one:<br>\nit is "
        '<a href="https://example.org" rel="noopener noreferrer nofollow">quicker</a>.</p>\n'
    )


def test_an_ordered_list_keeps_its_numbers() -> None:
    assert [b.html.split("\n")[0] for b in report.blocks(REPORT) if b.html.startswith("<ol")] == [
        '<ol start="3">',
        '<ol start="4">',
    ]


def test_items_are_what_could_be_done() -> None:
    assert [b.item for b in report.blocks(REPORT) if b.item] == [
        Item(
            "Replace it",
            "Replace it. It is `slow`,\nand nobody\nknows why.\n\nEven with a second paragraph.",
            "What to do",
        ),
        Item("Measure twice: before and after!", "Measure twice: before and after!", "What to do"),
        Item("Ask Ada", "Ask Ada", "What to do", done=True),
        Item("Third", "Third", "What to do"),
        Item("Fourth", "Fourth\n- with a part", "What to do"),
    ]


def test_boxes_of_the_text_give_way_to_real_ones() -> None:
    html = "".join(b.html for b in report.blocks(REPORT))
    assert "[ ]" not in html
    assert "✓ Ask Ada" in html


def test_a_long_sentence_makes_a_title_that_fits() -> None:
    [block] = report.blocks("- " + "word " * 100)
    assert block.item
    assert len(block.item.title) <= report.LONGEST_TITLE
    assert block.item.title.endswith("…")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_count_alike_whatever_ends_them(end: str) -> None:
    text = f"one{end}{end}two\u2028still two{end}{end}three"
    assert [b.line for b in report.blocks(text)] == [1, 3, 5]


def test_what_became_of_it() -> None:
    before = report.blocks("# A\n\nIt is slow because of the loop.\n\nAlways so.\n\n- one\n- two\n")
    now = report.blocks(
        "# A\n\nQuite another thing stands here\n\nIt is slow because of the parser.\n\n- one\n- two\n- three\n"
    )
    told = report.compare(now, before)
    said = [
        "gone" if isinstance(one, Gone) else "new" if one.fresh else "changed" if one.before else "same" for one in told
    ]
    assert said == ["same", "new", "changed", "gone", "same", "same", "new"]
    changed = told[2]
    assert isinstance(changed, Passage)
    assert changed.before
    assert changed.before.source == "It is slow because of the loop."


def test_nothing_before_and_nothing_now() -> None:
    blocks = report.blocks("a\n\nb")
    assert report.compare(blocks, []) == [Passage(block, fresh=True) for block in blocks]
    assert report.compare([], blocks) == [Gone(block) for block in blocks]
    assert report.compare(blocks, blocks) == [Passage(block) for block in blocks]


def test_a_report_that_means_ill_is_read_in_time() -> None:
    started = time.process_time()
    long = report.blocks("x\n\n" * 5000)
    report.compare(long, report.blocks("".join(f"x{n % 7}\n\n" for n in range(5000))))
    report.blocks("- " * 20_000)
    report.blocks("> " * 20_000 + "[" * 20_000)
    assert time.process_time() - started < 20


@given(st.text(alphabet="ab-*1.)>#[] x`|\n\t  <&\u202e~", max_size=200))
def test_no_text_acts_and_no_word_is_lost(text: str) -> None:
    blocks = report.blocks(text)
    html = "".join(block.html for block in blocks)
    allowed = markdown._TEXT | markdown._BLOCKS | markdown._TABLES
    assert set(re.findall(r"<(\w+)", html)) <= allowed
    assert all(block.line <= block.end_line for block in blocks)
    assert all(one.end_line < other.line for one, other in itertools.pairwise(blocks))
    if not set("[`~|") & set(text):  # a link's address, a fence's language and a cell too many are not shown
        assert re.sub(r"<[^>]*>|&\w+;|[^ab]", "", html) == re.sub("[^ab]", "", text)
