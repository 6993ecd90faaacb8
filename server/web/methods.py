"""How changes land, in the words of the pages."""

from __future__ import annotations

from server.domain.project import Author, LandingMethod

METHODS = {
    LandingMethod.SQUASH: "one commit on the target branch",
    LandingMethod.MERGE: "its newest revision, and a commit that merges it",
    LandingMethod.REBASE: "a commit for each revision, one after the other",
}
AUTHORS = {
    Author.YOU: "as git knows you in the repository",
    Author.AGENT: "with an address that is nobody's; you are the committer",
}
