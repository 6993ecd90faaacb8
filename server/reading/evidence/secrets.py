"""Secrets in added lines, by the plugins and filters of the library detect-secrets. None leaves this module.

Nothing is asked of any network: only the plugins' own reading of a line is used, never their verification. What a line
says to detect-secrets itself ("pragma: allowlist secret") is not believed: whoever wrote the secret wrote that, too.
"""

from __future__ import annotations

import functools
import itertools
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from server.domain.flag import FlagKind
from server.reading import order
from server.reading.evidence.material import Finding, Material

MOST = 5  # findings a file
LONGEST = 500  # characters of a line that is looked at: some plugins take the square of that
FEW = 5  # of what a plugin finds in a line, those that are looked at
WORK = 200_000_000  # of a change, by the squares of its lines' lengths: some 50,000 lines as they mostly are
RANDOM, WORDY = 4.5, 3.0  # bits a character: above, a quoted text is random, and a password no example
# Their findings, in 900 commits of three projects: no secret, but addresses, and hashes of what is public.
_NO_SECRETS = ("IPPublicDetector", "HexHighEntropyString")
_GUESSES = ("BasicAuthDetector", "KeywordDetector", "Base64HighEntropyString")
_LIMITS = {"Base64HighEntropyString": RANDOM, "KeywordDetector": WORDY, "BasicAuthDetector": WORDY}
_EXAMPLES = re.compile(r"(^|/)(docs?|examples?|samples?|fixtures?|testing|testdata)/|\.(md|rst|adoc|txt|ipynb)$", re.I)
# The HTTP client that comes along says that it has no SOCKS. Its own filter against that is lost where another thread
# leaves `catch_warnings` meanwhile; one that is set before any thread runs is not.
warnings.filterwarnings("ignore", module=r"urllib3\.contrib\.socks")


def find(material: Material) -> Iterator[Finding]:
    """Where there is too much to look through, or lines are made to take long, that is said."""
    left = WORK
    for file in filter(lambda one: _kept_by_hand(one.path), material.files):
        plugins = _plugins().known if _shows(file.path) else _plugins().every
        more = MOST
        for row in file.added:
            length = min(len(row.text), LONGEST)
            left -= length**2
            if left < 0:
                yield Finding(FlagKind.SECRET, file.path, "From here on nobody looked for secrets: too much.", row.new)
                return
            if more and len(row.text) <= LONGEST and (kind := _kind(row.text, plugins)):
                more -= 1
                yield Finding(FlagKind.SECRET, file.path, f"By its looks: {kind}.", row.new)


def _kept_by_hand(path: str) -> bool:
    heuristic = _heuristic()
    left_out = (heuristic.is_non_text_file, heuristic.is_lock_file, heuristic.is_swagger_file)
    return not order.folded(path) and not any(fits(path) for fits in left_out)


def _shows(path: str) -> bool:
    """Whether it is full of what only looks like a secret: a test, or a page that shows how something is used."""
    return order.is_test(path) or _EXAMPLES.search(path) is not None


def _kind(line: str, plugins: tuple[Any, ...]) -> str:
    """What kind of secret a line has; empty: none."""
    for plugin in plugins:
        found = [each for each in itertools.islice(plugin.analyze_string(line), FEW) if _counts(each, line, plugin)]
        if found and not (type(plugin).__name__ in _GUESSES and _heuristic().is_indirect_reference(line)):
            return str(plugin.secret_type)
    return ""


def _counts(secret: str, line: str, plugin: Any) -> bool:
    """Whether the library's filters and limits leave what a plugin found."""
    heuristic = _heuristic()
    of_secret = (
        *(heuristic.is_sequential_string, heuristic.is_potential_uuid, heuristic.is_templated_secret),
        *(heuristic.is_prefixed_with_dollar_sign, heuristic.is_not_alphanumeric_string),
    )
    if any(fits(secret) for fits in of_secret) or heuristic.is_likely_id_string(secret, line, plugin):
        return False
    limit = _LIMITS.get(type(plugin).__name__, 0.0)
    return limit == 0.0 or bool(_plugins().entropy.calculate_shannon_entropy(secret) > limit)


@dataclass(frozen=True)
class _Plugins:
    """The library's: `known` know a kind of secret by its form; the others guess, and where examples stand they err."""

    known: tuple[Any, ...]
    every: tuple[Any, ...]
    entropy: Any


@functools.cache
def _plugins() -> _Plugins:
    """Loaded when the first line is looked at: the library brings an HTTP client along."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString

    entropy = Base64HighEntropyString(limit=RANDOM)
    classes: tuple[Any, ...] = tuple(get_mapping_from_secret_type_to_class().values())
    kinds = {kind.__name__: kind for kind in classes}
    known = tuple(kinds[name]() for name in sorted(kinds) if name not in (*_NO_SECRETS, *_GUESSES))
    guesses = (kinds["BasicAuthDetector"](), kinds["KeywordDetector"](), entropy)
    return _Plugins(known, (*known, *guesses), entropy)


def _heuristic() -> Any:
    from detect_secrets.filters import heuristic

    return heuristic
