"""The `narrows` command. What is heavy is imported by the command that needs it, so that `--help` is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import typer

from server import plain_text
from server.cli import changes, common, landings, questions, serving, tasks, trash
from server.domain.errors import NarrowsError

COMMANDS: dict[str, Callable[..., None]] = {  # in the order of the help
    "serve": serving.serve,
    "demo": serving.demo,
    "worker": serving.worker,
    "doctor": serving.doctor,
    "add": tasks.add,
    "desk": changes.desk,
    "tasks": tasks.show_all,
    "show": changes.show,
    "answer": questions.answer,
    "land": landings.land,
    "undo": landings.undo,
    "receipt": landings.receipt,
    "rebase": changes.rebase,
    "send-back": changes.send_back,
    "status": serving.status,
}

app = typer.Typer(
    name="narrows",
    help="A desk for the person who reads what coding agents write.",
    callback=serving.start,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for name, command in COMMANDS.items():
    app.command(name)(command)
app.add_typer(trash.app, name="trash")


def main() -> int:
    """Run the command line; answers with the exit code. An error is a sentence, never a traceback."""
    try:
        app()
    except NarrowsError as error:
        _complain(error)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        from server.services.room import full

        if told := full(error):
            _complain(told)
        else:
            _apologise(error)
        return 1
    return 0


def _complain(error: NarrowsError) -> None:
    print(plain_text.safe(f"narrows: {error.message}"), file=sys.stderr)
    told: dict[str, Any] = getattr(error, "told", {})
    for one in plain_text.objections(told.get("blockers", []) + told.get("warnings", [])):
        print(f"  {one}", file=sys.stderr)
    if error.hint:
        print(plain_text.safe(error.hint), file=sys.stderr)


def _apologise(error: Exception) -> None:
    from server.web import errors

    logs = common.settings(None).logs
    name = errors.report(logs, "narrows", " ".join(sys.argv[1:2]), error)
    print(f"narrows: Sorry, that went wrong inside Narrows.\n{logs}/{name}.log says more.", file=sys.stderr)
