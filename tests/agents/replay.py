"""An agent that plays its side of a recorded conversation: `replay.py RECORDING`, over standard input and output."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    ids: dict[Any, Any] = {}
    worktree = json.dumps(str(Path.cwd()))[1:-1]
    for line in Path(sys.argv[1]).read_text().replace("{worktree}", worktree).splitlines():
        message = json.loads(line)
        if message.pop("dir") == ">":
            heard = wait_for(message.get("method"))
            if "method" in message:
                ids[message.get("id")] = heard.get("id")
            continue
        if "method" not in message:
            message["id"] = ids[message["id"]]
        print(json.dumps(message), flush=True)
    sys.stdin.read()


def wait_for(method: str | None) -> dict[str, Any]:
    """The next message of this method; None: the next answer."""
    for line in sys.stdin:
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == method:
            return message
    sys.exit("the conversation ended early")


if __name__ == "__main__":
    main()
