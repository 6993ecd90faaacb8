"""What stands in a revision's files is found in the background, and kept beside what names said at once."""

from __future__ import annotations

from server.domain.flag import FlagKind
from server.services import examinations, flags, revisions
from tests.services.workshop import Workshop
from tests.support.repositories import Repository


def test_packages_and_thresholds_are_told_once_they_were_looked_for(workshop: Workshop, repository: Repository) -> None:
    before = '[project]\ndependencies = ["six"]\n[tool.coverage.report]\nfail_under = 90\n'
    repository.commit(files={"pyproject.toml": before, "setup.py": "setup()\n"})
    after = before.replace('"six"', '"httpx>=1"').replace("90", "50")
    change = workshop.change({"pyproject.toml": after, "setup.py": "setup(1)\n"})
    revision = revisions.get(workshop.narrows, change.id, 1)
    assert [flag.path for flag in flags.of_revision(workshop.narrows, revision.id)] == ["setup.py"]
    assert examinations.examine(workshop.narrows, change.id)
    found = [(flag.kind, flag.path, flag.line) for flag in flags.of_revision(workshop.narrows, revision.id)[1:]]
    assert found == [(FlagKind.WEAKENED, "pyproject.toml", 4), (FlagKind.DEPENDENCY, "pyproject.toml", 2)]
    assert not examinations.examine(workshop.narrows, change.id), "once is enough"
