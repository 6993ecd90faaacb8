"""axe-core finds nothing against WCAG 2.2 AA on any page, in light and in dark."""

from __future__ import annotations

import importlib
import importlib.resources
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page

from server import web
from tests.browser.conftest import Site
from tests.browser.everything import fill

Enter = Callable[[str], Page]
AXE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
RUN = """async (tags) => {
  const found = await axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] });
  return found.violations.flatMap((violation) => violation.nodes.map((node) =>
    `${violation.id}: ${node.target.join(" ")}: ${node.failureSummary.split("\\n").slice(1).join(" ")}`));
}"""

PAGES = {
    "/": ("/",),
    "/agents": ("/agents",),
    "/changes/{change_id}": ("/changes/1", "/changes/2", "/changes/3", "/changes/4", "/changes/5"),
    "/changes/{change_id}/comments/new": ("/changes/1/comments/new?revision=2&position=0&side=new&line=1&end_line=2",),
    "/changes/{change_id}/acceptance/new": ("/changes/3/acceptance/new",),
    "/changes/{change_id}/conflict": ("/changes/6/conflict", "/changes/1/conflict", "/changes/6/conflict?with=1"),
    "/changes/{change_id}/edits/new": ("/changes/1/edits/new",),
    "/changes/{change_id}/landing/new": ("/changes/1/landing/new",),
    "/changes/{change_id}/parts/new": ("/changes/1/parts/new?revision=2",),
    "/changes/{change_id}/reviews/new": ("/changes/1/reviews/new",),
    "/changes/{change_id}/revisions/{number}/files/{position}": tuple(
        f"/changes/1/revisions/2/files/{position}" for position in range(6)
    ),
    "/changes/{change_id}/revisions/{number}/files/{position}/edit": ("/changes/1/revisions/2/files/3/edit",),
    "/changes/{change_id}/revisions/{number}/search": ("/changes/1/revisions/2/search?q=parse",),
    "/comments/{comment_id}/edit": ("/comments/3/edit",),
    "/comments/{comment_id}/reply": ("/comments/1/reply?at=2",),
    "/comments/{comment_id}/then": ("/comments/1/then",),
    "/insights": ("/insights", "/insights?days=all&project=1"),
    "/insights/faster": ("/insights/faster",),
    "/landings": ("/landings",),
    "/preferences": ("/preferences",),
    "/projects": ("/projects",),
    "/projects/examination": ("/projects/examination?path=/nowhere",),
    "/projects/{project_id}": ("/projects/1",),
    "/runs": ("/runs",),
    "/runs/{run_id}": ("/runs/1", "/runs/6"),
    "/styleguide": ("/styleguide",),
    "/tasks": ("/tasks",),
    "/tasks/new": ("/tasks/new", "/tasks/new?template=bug"),
    "/tasks/{task_id}": ("/tasks/1", "/tasks/4", "/tasks/6"),
    "/tasks/{task_id}/attempts": ("/tasks/9/attempts",),
    "/tasks/{task_id}/attempts/{one}/{other}": ("/tasks/9/attempts/8/9",),
    "/tasks/{task_id}/edit": ("/tasks/6/edit",),
    "/trash": ("/trash",),
    "/trials/{trial_id}": ("/trials/1",),
}
NO_PAGES = {  # pieces of pages, text, files, and ways to a page that is listed
    "/agents/found",
    "/changes/{change_id}/bar",
    "/changes/{change_id}/revisions/{number}/aside",
    "/changes/{change_id}/revisions/{number}/files/{position}/context",
    "/changes/{change_id}/revisions/{number}/files/{position}/image",
    "/changes/{change_id}/revisions/{number}/flags/{flag_id}",
    "/changes/{change_id}/revisions/{number}/patterns",
    "/changes/{change_id}/revisions/{number}/shape",
    "/checks/{check_id}/log",
    "/comments/{comment_id}",
    "/insights/changes.csv",
    "/insights/changes.json",
    "/insights/{name}.csv",
    "/insights/{name}.json",
    "/insights/{name}.svg",
    "/digest",
    "/counterproofs/{number}/log",
    "/landings/{landing_id}/receipt.json",
    "/live",
    "/questions/{question_id}",
    "/runs/{run_id}/entries/{offset}",
    "/runs/{run_id}/stream",
    "/runs/{run_id}/transcript",
    "/toasts/{deed}",
    "/trash/{trash_id}.patch",
}


def routes() -> Iterator[str]:
    """What can be got from the pages' routers."""
    for module in pkgutil.iter_modules(web.__path__, f"{web.__name__}."):
        router = getattr(importlib.import_module(module.name), "router", None)
        for route in getattr(router, "routes", ()):
            if "GET" in route.methods:
                yield route.path


def test_every_page_is_looked_at() -> None:
    assert {path for path in routes() if path not in PAGES and path not in NO_PAGES} == set()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.tolerates("missing")
def test_every_page_is_for_everybody(site: Site, enter: Enter, scheme: str) -> None:
    fill(site)
    enter("/projects").emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    against = {path: violations(enter(path)) for paths in PAGES.values() for path in (*paths, "/nowhere")}
    found = [f"{path} {one}" for path, all in against.items() for one in all]
    assert not found, "\n".join(found)


def violations(page: Page) -> list[str]:
    """What axe-core has against the page, with everything on it unfolded."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    page.evaluate(AXE)
    with _in_whole(page):
        return list(page.evaluate(RUN, TAGS))


@contextmanager
def _in_whole(page: Page) -> Iterator[None]:
    """All of the page at once: what happens to be under the bar at its foot can be scrolled from there."""
    size = page.viewport_size
    assert size
    page.set_viewport_size({**size, "height": page.evaluate("document.documentElement.scrollHeight")})
    yield
    page.set_viewport_size(size)
