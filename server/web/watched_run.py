"""One run as an open page follows it: what is added to its transcript, what is told anew, how it stands."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import Environment

from server.domain.run import Run
from server.domain.transcript import EntryKind
from server.reading.transcripts import Item
from server.services import pauses, runs, transcripts
from server.services.narrows import Narrows
from server.web.runs import TOUCHED, began, quiet


def put(target: str, html: str, swap: str = "innerHTML") -> str:
    """A fragment with the place that it goes to."""
    return f'<hx-partial hx-target="{target}" hx-swap="{swap}">{html}</hx-partial>'


class WatchedRun:
    """A page that shows the transcript from byte `start` to `offset`; without an offset, only how the run stands."""

    def __init__(
        self, templates: Environment, narrows: Narrows, run_id: int, start: int = 0, offset: int | None = None
    ) -> None:
        self._templates = templates
        self._narrows = narrows
        self._run_id = run_id
        self._follower = None if offset is None else transcripts.Follower(narrows, run_id, start, offset)
        self._stood: dict[str, object] = {}

    @property
    def offset(self) -> int | None:
        """The offset that the page has been told to."""
        return self._follower.offset if self._follower else None

    def pieces(self) -> Iterator[str]:
        """All that the page does not show yet, each piece small enough for one message."""
        run = runs.get(self._narrows, self._run_id)
        while self._follower and (news := self._follower.news(ended=run.over)):
            yield self._entries(run, news)

    def head(self) -> str:
        """How the run stands, if it stands differently from when this was asked last."""
        run = runs.get(self._narrows, self._run_id)
        held_up = pauses.held_up(self._narrows, run)
        stands = {**run.model_dump(exclude={"last_line"}), "held_up": held_up}
        if stands == self._stood:
            return ""
        self._stood = stands
        return put("#run-state", self._render("runs/_state.html", run=run, quiet=quiet(run), held_up=held_up))

    def touched(self) -> str:
        """The files that differ so far."""
        names = runs.touched(self._narrows, self._run_id)
        return put("#touched", self._render("runs/_touched.html", touched=names, most=TOUCHED))

    def _entries(self, run: Run, news: transcripts.News) -> str:
        told = [put(f"#e{item.offset}", self._entry(run, item), "outerMorph") for item in news.changed]
        if news.added:
            told.append(put("#transcript", "".join(self._entry(run, item) for item in news.added), "beforeend"))
        plans = [item for item in news.added if item.entry.kind is EntryKind.PLAN]
        if plans:
            told.append(put("#plan", self._render("runs/_newest_plan.html", item=plans[-1], wanted="")))
        return "".join(told)

    def _entry(self, run: Run, item: Item) -> str:
        return self._render("runs/_entry.html", run=run, item=item, since=began(run), wanted="")

    def _render(self, template: str, **context: object) -> str:
        return self._templates.get_template(template).render(**context)
