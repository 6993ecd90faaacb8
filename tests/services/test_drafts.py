"""Text being typed survives whatever happens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from server.domain.errors import Invalid
from server.services import drafts
from server.services.narrows import Narrows
from server.store.database import Database


def test_a_draft_is_kept_until_it_is_emptied_or_arrived(narrows: Narrows) -> None:
    drafts.keep(narrows, "task:title", "Say")
    drafts.keep(narrows, "task:title", "Say it")
    drafts.keep(narrows, "task:brief", "Loudly.")
    drafts.keep(narrows, "change:1", "Hm.")
    assert drafts.find(narrows, "task:") == {"task:brief": "Loudly.", "task:title": "Say it"}
    drafts.keep(narrows, "task:brief", "")
    drafts.keep(narrows, "task:never", "")
    assert drafts.find(narrows, "") == {"change:1": "Hm.", "task:title": "Say it"}
    drafts.forget(narrows, "task:")
    assert drafts.find(narrows, "") == {"change:1": "Hm."}


def test_a_draft_survives_a_restart(narrows: Narrows) -> None:
    drafts.keep(narrows, "task:title", "Half a sent")
    again = Narrows(narrows.settings, Database(narrows.settings.database_url))
    assert drafts.find(again, "task:title") == {"task:title": "Half a sent"}
    again.database.close()


def test_signs_in_a_key_match_themselves_alone(narrows: Narrows) -> None:
    drafts.keep(narrows, "a%b", "1")
    drafts.keep(narrows, "a_b", "2")
    drafts.keep(narrows, "axb", "3")
    assert drafts.find(narrows, "a%") == {"a%b": "1"}
    assert drafts.find(narrows, "a_") == {"a_b": "2"}


def test_two_who_type_at_once_leave_one_draft(narrows: Narrows) -> None:
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(drafts.keep, narrows, "k", str(n)) for n in range(40)]:
            done.result()
    assert drafts.find(narrows, "k")["k"] in {str(n) for n in range(40)}


def test_a_draft_has_its_limits(narrows: Narrows) -> None:
    for key, text in (("k" * 201, "t"), ("k", "t" * (drafts.LONGEST + 1))):
        with pytest.raises(Invalid, match="too long"):
            drafts.keep(narrows, key, text)
