"""A filled database for each revision of the schema, as its Narrows would have left it: table → rows.

A new migration adds its own entry here, and never changes an older one.
"""

from __future__ import annotations

import zlib
from typing import Any

Rows = dict[str, list[dict[str, Any]]]
MOMENT = "2026-03-01 06:45:00.000000"
COMMIT, TREE, BASE, BASE_TREE = "c" * 40, "d" * 40, "a" * 40, "b" * 40

FIRST: Rows = {
    "agents": [
        {
            "name": "mine",
            "family": "command",
            "argv": '["/bin/sh", "-c", "true"]',
            "env": '{"KEY": "$HOME"}',
            "mode": "",
            "description": "",
            "built_in": 0,
            "created_at": MOMENT,
        }
    ],
    "drafts": [{"id": 1, "key": "task:title", "text": "Half a sent", "updated_at": MOMENT}],
    "executors": [{"id": "local", "host": "here", "pid": 4, "heard_at": MOMENT}],
    "projects": [
        {
            "id": 1,
            "name": "tidewater",
            "path": "/home/ada/tidewater",
            "target_branch": "main",
            "setup": "make",
            "checks": '["make test"]',
            "include": '[".env*"]',
            "landing_method": "squash",
            "agents_limit": 4,
            "check_rounds": 2,
            "turn_minutes": 60,
            "check_minutes": 20,
            "created_at": MOMENT,
            "removed_at": None,
        }
    ],
    "tasks": [
        {
            "id": 1,
            "project_id": 1,
            "title": "Say what it does",
            "brief": "With examples.",
            "kind": "directed",
            "agent": "demo",
            "priority": 3,
            "state": "done",
            "created_at": MOMENT,
        },
        {
            "id": 2,
            "project_id": 1,
            "title": "Then this",
            "brief": "",
            "kind": "research",
            "agent": "mine",
            "priority": 0,
            "state": "open",
            "created_at": MOMENT,
        },
    ],
    "task_links": [{"task_id": 2, "after_id": 1}],
    "changes": [
        {
            "id": 1,
            "task_id": 1,
            "project_id": 1,
            "state": "landed",
            "note": "",
            "slot": None,
            "session": "s-1",
            "check_rounds": 1,
            "ready_at": MOMENT,
            "later_at": None,
            "created_at": MOMENT,
        }
    ],
    "runs": [
        {
            "id": 1,
            "change_id": 1,
            "task_id": 1,
            "project_id": 1,
            "reason": "first",
            "agent": "demo",
            "prompt": "# Say what it does",
            "state": "succeeded",
            "attempt": 2,
            "executor": "local",
            "ticket": "run-1-1",
            "error": "",
            "summary": "I said it.",
            "last_line": "Done.",
            "stop_asked": 0,
            "queued_at": MOMENT,
            "started_at": MOMENT,
            "ended_at": MOMENT,
        }
    ],
    "revisions": [
        {
            "id": 1,
            "change_id": 1,
            "run_id": 1,
            "number": 1,
            "commit": COMMIT,
            "tree": TREE,
            "base": BASE,
            "base_tree": BASE_TREE,
            "summary": "I said it.",
            "report": None,
            "files": 1,
            "additions": 1,
            "deletions": 0,
            "minutes": 1.0,
            "created_at": MOMENT,
        }
    ],
    "files": [
        {
            "id": 1,
            "base_tree": BASE_TREE,
            "head_tree": TREE,
            "position": 0,
            "path": b"caf\xe9.txt",
            "old_path": None,
            "status": "A",
            "old_mode": "000000",
            "new_mode": "100644",
            "old_blob": "0" * 40,
            "new_blob": "e" * 40,
            "additions": 1,
            "deletions": 0,
            "similarity": None,
            "text": zlib.compress(b"+words\n"),
        }
    ],
    "comments": [
        {
            "id": 1,
            "change_id": 1,
            "revision": 1,
            "path": b"caf\xe9.txt",
            "side": "new",
            "line": 1,
            "end_line": 1,
            "quoted": "words",
            "body": "Louder.",
            "state": "resolved",
            "created_at": MOMENT,
        }
    ],
    "reviews": [
        {
            "id": 1,
            "change_id": 1,
            "revision_id": 1,
            "commit": COMMIT,
            "verdict": "land",
            "message": "Say what it does",
            "created_at": MOMENT,
        }
    ],
    "landings": [
        {
            "id": 1,
            "change_id": 1,
            "project_id": 1,
            "revision_id": 1,
            "target_branch": "main",
            "method": "squash",
            "message": "Say what it does\n",
            "acknowledged": "[]",
            "state": "landed",
            "tries": 1,
            "old": BASE,
            "commit": COMMIT,
            "tree": TREE,
            "error": "",
            "undo_asked": 0,
            "executor": None,
            "ticket": "",
            "claims": 0,
            "undo_commit": None,
            "receipt": '{"landed": {"branch": "main"}}',
            "created_at": MOMENT,
            "ended_at": MOMENT,
        }
    ],
    "checks": [
        {
            "id": 1,
            "project_id": 1,
            "revision_id": 1,
            "landing_id": None,
            "tree": TREE,
            "position": 0,
            "command": "make test",
            "state": "passed",
            "exit_code": 0,
            "seconds": 0.5,
            "log": "logs/checks/1.log",
            "tail": "ok\n",
            "superseded": 0,
            "ended_at": MOMENT,
        }
    ],
    "events": [
        {
            "id": 1,
            "at": MOMENT,
            "actor": "you",
            "verb": "filed",
            "noun": "task",
            "noun_id": 1,
            "project_id": 1,
            "change_id": None,
            "data": '{"title": "Say what it does"}',
        }
    ],
}


def with_more(rows: Rows, more: Rows, new: Rows) -> Rows:
    """`rows`, each with the columns that its table got, and the rows of the tables that are new."""
    return {
        table: [row | added for row in kept for added in more.get(table, [{}])] for table, kept in rows.items()
    } | new


REAL_AGENTS = with_more(
    FIRST,
    {
        "projects": [
            {
                "rules": "Spaces, no tabs.",
                "hands_off": '["vendor/"]',
                "permissions": '{"execute": "ask"}',
                "ask_minutes": 5,
                "repository_config": 1,
                "sandbox": 1,
                "sandbox_network": 0,
            }
        ],
        "tasks": [{"examples": "`a` gives `b`", "done_when": "It says so."}],
        "changes": [{"session_at": MOMENT}],
        "runs": [
            {
                "trouble": "rate_limit",
                "resets_at": MOMENT,
                "usage": '{"input": 12, "cost": 0.5, "currency": "USD"}',
                "session_usage": '{"cost": 0.75}',
                "driven_by": "claude 2.1.331",
                "confined_by": "bubblewrap",
                "continued": 0,
                "quiet_since": MOMENT,
            }
        ],
        "revisions": [{"aside": COMMIT}],
        "comments": [{"answer": "I said it louder."}],
    },
    {
        "pauses": [{"agent": "claude", "until": MOMENT, "why": "Its limit is reached."}],
        "questions": [
            {
                "id": 1,
                "run_id": 1,
                "change_id": 1,
                "project_id": 1,
                "tool": "execute",
                "title": "make install",
                "detail": "make install",
                "state": "waiting",
                "whole_run": 0,
                "asked_at": MOMENT,
                "waits_until": MOMENT,
                "answered_at": None,
            }
        ],
        "trials": [
            {
                "id": 1,
                "agent": "claude",
                "state": "works",
                "trouble": None,
                "sentence": "It did what it was asked.",
                "driven_by": "claude 2.1.331",
                "confined_by": "",
                "usage": '{"input": 12}',
                "started_at": MOMENT,
                "ended_at": MOMENT,
            }
        ],
    },
)

REVIEW_PAGE = with_more(
    REAL_AGENTS,
    {"changes": [{"part_of": None}], "revisions": [{"made_by": "agent"}]},
    {
        "anchors": [
            {
                "id": 1,
                "comment_id": 1,
                "revision": 2,
                "path": b"caf\xe9.txt",
                "side": "new",
                "line": 3,
                "end_line": 4,
                "fit": "shifted",
            }
        ],
        "clocks": [{"id": 1, "revision_id": 1, "seconds": 61.5, "ticked_at": MOMENT}],
        "flags": [
            {
                "id": 1,
                "revision_id": 1,
                "kind": "dependency",
                "path": b"pyproject.toml",
                "side": "new",
                "line": None,
                "sentence": "What is installed with the project changes.",
            }
        ],
        "preferences": [{"name": "view", "value": '"split"', "updated_at": MOMENT}],
        "viewed": [
            {
                "id": 1,
                "project_id": 1,
                "path": b"caf\xe9.txt",
                "old_blob": "1" * 40,
                "new_blob": "2" * 40,
                "at": MOMENT,
            }
        ],
    },
)

LANDING = with_more(
    REVIEW_PAGE,
    {
        "checks": [{"red_before": None}],
        "runs": [{"onto": ""}],
        "landings": [
            {
                "remote": "",
                "insisted": "",
                "commits": f'["{COMMIT}"]',
                "behind": None,
                "topic": "",
                "pull_request": "",
                "note": "",
                "heard": "commit-msg: checked",
            }
        ],
        "projects": [
            {
                "check_each": 0,
                "message_template": "$title (#$change)",
                "author": "agent",
                "co_author": 1,
                "sign_off": 0,
                "hooks": 0,
                "remote": "origin",
                "follows": 1,
                "pull_requests": 0,
            }
        ],
    },
    {
        "forecasts": [
            {
                "id": 1,
                "project_id": 1,
                "target": BASE,
                "first": "",
                "second": COMMIT,
                "conflicts": '["README.md"]',
                "touching": "[]",
            }
        ],
        "trash": [
            {
                "id": 1,
                "project_id": 1,
                "change_id": 1,
                "kind": "tree",
                "why": "left by a run that was stopped",
                "ref": "refs/narrows/trash/trees/1-1",
                "commit": COMMIT,
                "size": 12,
                "left_out": '["node_modules"]',
                "at": MOMENT,
                "restored_at": None,
                "removed_at": None,
            }
        ],
    },
)

CAPACITY = with_more(
    LANDING,
    {
        "changes": [{"agent": "demo", "pinned_at": MOMENT, "split_offered": 1}],
        "projects": [{"risky": '["**/auth*"]', "review_size": 300, "refactor_every": 0}],
        "revisions": [{"reading_files": 1, "reading_lines": 1}],
        "tasks": [{"rivals": '["codex"]', "past_budget": 1}],
    },
    {
        "risks": [
            {
                "id": 1,
                "revision_id": 1,
                "level": "low",
                "points": 0.5,
                "reasons": '[[0.5, "One file."]]',
                "at": MOMENT,
            }
        ],
        "coverages": [{"id": 1, "revision_id": 1, "covered": 1, "coverable": 2, "missed": '{"a.py": [3]}'}],
        "counterproofs": [
            {
                "id": 1,
                "revision_id": 1,
                "tree": TREE,
                "tests": '["test_a.py"]',
                "command": "make test",
                "state": "failed",
                "exit_code": 1,
                "seconds": 0.5,
                "log": "checks/1.log",
                "tail": "1 failed",
                "ended_at": MOMENT,
            }
        ],
        "survivals": [
            {"id": 1, "landing_id": 1, "tip": COMMIT, "added": 3, "left": 2, "reverted_by": "", "at": MOMENT}
        ],
    },
)

SEEDS: dict[str, Rows] = {
    "0001": FIRST,
    "0002": REAL_AGENTS,
    "0003": REVIEW_PAGE,
    "0004": LANDING,
    "0005": CAPACITY,
}
