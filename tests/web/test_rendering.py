"""How a page is sent while it is made."""

from __future__ import annotations

from collections.abc import Iterator

from server.web.rendering import BEGINNING, PIECE, gathered

SMALL = "0123456789" * 10


def test_it_is_sent_in_few_pieces_that_grow() -> None:
    sizes = [len(piece) for piece in gathered([SMALL] * 5_000)]
    assert sum(sizes) == 5_000 * len(SMALL)
    assert sizes[0] == BEGINNING + -BEGINNING % len(SMALL)
    assert sizes[:-1] == sorted(sizes[:-1])
    assert max(sizes) < PIECE + len(SMALL)


def test_its_beginning_is_sent_before_the_rest_is_made() -> None:
    made: list[str] = []

    def making() -> Iterator[str]:
        for _ in range(1_000):
            made.append(SMALL)
            yield SMALL

    assert next(gathered(making())) == "".join(made)


def test_a_short_page_is_one_piece() -> None:
    assert list(gathered(["<p>", "Hello.", "</p>"])) == ["<p>Hello.</p>"]
