"""Which waiting changes land cleanly, which stand in each other's way, and that only what is missing is made."""

from __future__ import annotations

import pytest
from sqlmodel import select

from server.domain.errors import NarrowsError
from server.domain.forecast import Forecast, Prospect
from server.domain.project import Project
from server.git import commands
from server.services import changes, desk, events, forecasts
from server.services.forecasts import Outlook
from server.services.narrows import Narrows
from server.store import forecast_queries
from tests.services.workshop import Workshop
from tests.support.repositories import Repository

CODE = "def parse(text):\n" + "".join(f"    line({n})\n" for n in range(30)) + "\ndef show(text):\n    return text\n"


def foresee(narrows: Narrows, project: Project) -> dict[int, Outlook]:
    """Everything that is missing made, and what comes of it."""
    while forecasts.advance(narrows, project.id):
        pass
    return forecasts.outlooks(narrows, project.id)


def rows(narrows: Narrows) -> list[Forecast]:
    with narrows.reading() as db:
        return list(db.exec(select(Forecast)))


class TestOutlook:
    def test_nothing_is_known_before_it_is_made(self, workshop: Workshop, project: Project, narrows: Narrows) -> None:
        change = workshop.change({"a.txt": "a\n"})
        [outlook] = forecasts.outlooks(narrows, project.id).values()
        assert (outlook.change_id, outlook.prospect) == (change.id, Prospect.UNKNOWN)
        assert outlook.sentence == "Not known yet whether it lands cleanly on main"

    def test_two_that_have_nothing_in_common_are_clean(
        self, workshop: Workshop, project: Project, narrows: Narrows
    ) -> None:
        one, two = workshop.change({"a.txt": "a\n"}), workshop.change({"b.txt": "b\n"})
        seen = foresee(narrows, project)
        assert {seen[change.id].prospect for change in (one, two)} == {Prospect.CLEAN}
        assert seen[one.id].sentence == "Lands cleanly on main"

    def test_one_in_the_way_of_another_is_said_of_both(
        self, workshop: Workshop, project: Project, narrows: Narrows
    ) -> None:
        one, two = workshop.change({"notes.txt": "1\n"}, title="First"), workshop.change({"notes.txt": "2\n"})
        seen = foresee(narrows, project)
        first, second = seen[one.id], seen[two.id]
        assert first.prospect is second.prospect is Prospect.CROSSING
        [after] = second.after
        assert (after.change_id, after.title, after.conflicts) == (one.id, "First", ["notes.txt"])
        assert [each.change_id for each in first.breaks] == [two.id]
        assert first.sentence == f"Lands cleanly on main now; conflicts with #{two.id}"
        assert first.consequence == f"After this, #{two.id} will conflict."

    def test_a_conflict_with_the_target_names_its_files_and_says_nothing_of_later(
        self, workshop: Workshop, project: Project, narrows: Narrows, repository: Repository
    ) -> None:
        one, two = workshop.change({"notes.txt": "1\n"}), workshop.change({"notes.txt": "2\n", "b.txt": "b\n"})
        repository.commit("by hand", {"notes.txt": "mine\n"})
        seen = foresee(narrows, project)
        assert seen[one.id].conflicts == seen[two.id].conflicts == ["notes.txt"]
        assert seen[one.id].sentence == "Conflicts with main in notes.txt"
        assert not seen[one.id].after
        assert not seen[two.id].breaks

    def test_both_in_one_function_is_close(
        self, workshop: Workshop, project: Project, narrows: Narrows, repository: Repository
    ) -> None:
        repository.commit("code", {"a.py": CODE})
        one = workshop.change({"a.py": CODE.replace("line(8)", "line(80)")})
        two = workshop.change({"a.py": CODE.replace("line(20)", "line(200)")})
        three = workshop.change({"a.py": CODE.replace("return text", "return text.strip()") + "\n\n\nX = 1\n"})
        seen = foresee(narrows, project)
        assert seen[one.id].prospect is Prospect.TOUCHING
        close = {each.change_id: each.touching for each in seen[one.id].touching}
        assert close[two.id] == [["a.py", "parse"]]
        assert close[three.id] in ([["a.py", ""]], [["a.py", "parse"]])  # as far up as git's context goes
        assert f"it and #{two.id} both change `parse` in a.py" in seen[one.id].sentence

    def test_a_report_and_what_no_longer_waits_have_none(
        self, workshop: Workshop, project: Project, narrows: Narrows
    ) -> None:
        one, two = workshop.change({"notes.txt": "1\n"}), workshop.change({"notes.txt": "2\n"})
        foresee(narrows, project)
        changes.abandon(narrows, two.id)
        seen = foresee(narrows, project)
        assert seen[one.id].prospect is Prospect.CLEAN
        assert forecasts.outlook(narrows, two.id) is None
        assert desk.sheet(narrows, two.id).outlook is None

    def test_the_desk_has_it_where_it_is_asked_for(
        self, workshop: Workshop, project: Project, narrows: Narrows
    ) -> None:
        change = workshop.change({"a.txt": "a\n"})
        foresee(narrows, project)
        assert desk.desk(narrows).waiting[0].outlook is None
        [waiting] = desk.desk(narrows, foreseen=True).waiting
        assert waiting.outlook == desk.sheet(narrows, change.id).outlook == forecasts.every(narrows)[change.id]


class TestAdvance:
    def test_only_what_is_missing_is_asked(self, workshop: Workshop, project: Project, narrows: Narrows) -> None:
        workshop.change({"a.txt": "a\n"})
        workshop.change({"b.txt": "b\n"})
        forecasts.advance(narrows, project.id)
        before = [(row.id, row.first, row.second) for row in rows(narrows)]
        assert len(before) == 2 + 2
        forecasts.advance(narrows, project.id)
        assert [row.id for row in rows(narrows)] == [each for each, _, _ in before]
        workshop.change({"c.txt": "c\n"})
        forecasts.advance(narrows, project.id)
        after = [(row.id, row.first, row.second) for row in rows(narrows)]
        assert after[:4] == before
        assert len(after) == 3 + 6

    def test_a_step_is_small_and_the_next_one_goes_on(
        self, workshop: Workshop, project: Project, narrows: Narrows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(forecasts, "AT_ONCE", 4)
        for number in range(3):
            workshop.change({f"{number}.txt": "a\n"})
        steps = 1
        while forecasts.advance(narrows, project.id):
            steps += 1
        assert (steps, len(rows(narrows))) == (3, 9)

    def test_when_the_target_moves_the_old_ones_go_with_it(
        self, workshop: Workshop, project: Project, narrows: Narrows, repository: Repository
    ) -> None:
        workshop.change({"notes.txt": "1\n"})
        foresee(narrows, project)
        tip = repository.commit("by hand", {"notes.txt": "mine\n"})
        foresee(narrows, project)
        assert [(row.target, row.conflicts) for row in rows(narrows)] == [(tip, ["notes.txt"])]

    def test_one_that_conflicts_is_first_of_nothing_and_ends_all_the_same(
        self, workshop: Workshop, project: Project, narrows: Narrows, repository: Repository
    ) -> None:
        one, two = workshop.change({"notes.txt": "1\n"}), workshop.change({"b.txt": "b\n"})
        repository.commit("by hand", {"notes.txt": "mine\n"})
        foresee(narrows, project)
        with narrows.reading() as db:
            commits = {change.id: made.commit for change, made, _ in forecast_queries.awaited(db, project.id)}
        assert {(row.first, row.second) for row in rows(narrows)} == {
            ("", commits[one.id]),
            ("", commits[two.id]),
            (commits[two.id], commits[one.id]),
        }

    def test_where_nothing_waits_nothing_is_asked(self, project: Project, narrows: Narrows) -> None:
        before = commands.started()
        assert not forecasts.advance(narrows, project.id)
        assert commands.started() == before
        assert forecasts.awaiting(narrows) == []

    def test_what_was_made_is_told(self, workshop: Workshop, project: Project, narrows: Narrows) -> None:
        workshop.change({"a.txt": "a\n"})
        before = events.last_id(narrows)
        forecasts.advance(narrows, project.id)
        forecasts.advance(narrows, project.id)
        [event] = events.since(narrows, before)
        assert (event.noun, event.verb, event.project_id, event.change_id) == ("forecast", "made", project.id, None)

    def test_a_target_that_is_gone_is_an_error(
        self, workshop: Workshop, project: Project, narrows: Narrows, repository: Repository
    ) -> None:
        workshop.change({"a.txt": "a\n"})
        repository.git("branch", "-m", "main", "other")
        with pytest.raises(NarrowsError, match="main"):
            forecasts.advance(narrows, project.id)

    def test_nothing_is_said_of_a_target_that_is_gone(
        self, workshop: Workshop, project: Project, narrows: Narrows, repository: Repository
    ) -> None:
        change = workshop.change({"a.txt": "a\n"})
        assert foresee(narrows, project)[change.id].prospect is Prospect.CLEAN
        repository.git("branch", "-m", "main", "other")
        before = events.last_id(narrows)
        for _ in range(2):
            with pytest.raises(NarrowsError, match="main"):
                forecasts.advance(narrows, project.id)
        assert forecasts.outlooks(narrows, project.id)[change.id].prospect is Prospect.UNKNOWN
        [event] = events.since(narrows, before)
        assert (event.noun, event.verb, event.project_id) == ("forecast", "forgotten", project.id)
        repository.git("branch", "-m", "other", "main")
        assert foresee(narrows, project)[change.id].prospect is Prospect.CLEAN

    def test_names_of_any_bytes_and_renamed_files(
        self, workshop: Workshop, project: Project, narrows: Narrows, repository: Repository
    ) -> None:
        odd = "od\udcffd\n.py"
        repository.commit("code", {odd: CODE})
        moved = workshop.change({odd: None, "moved.py": CODE.replace("line(8)", "line(80)")})
        other = workshop.change({odd: CODE.replace("line(20)", "line(200)")})
        [close] = foresee(narrows, project)[other.id].touching
        assert (close.change_id, close.touching) == (moved.id, [[odd, "parse"]])
