"""The `narrows` command. What is heavy is imported by the command that needs it, so that `--help` is quick."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from server import __version__, plain_text
from server.domain.errors import Invalid, NarrowsError, NotFound, Unavailable

app = typer.Typer(
    name="narrows",
    help="A desk for the person who reads what coding agents write.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Data = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="The folder that holds everything.")]
Port = Annotated[int | None, typer.Option("--port", metavar="N", help="The port to listen on; 0 picks a free one.")]
Host = Annotated[str | None, typer.Option("--host", metavar="H", help="The address to listen on.")]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Open no browser.")]
NoWorker = Annotated[bool, typer.Option("--no-worker", help="Show pages only; `narrows worker` does the work.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ChangeNumber = Annotated[int, typer.Argument(metavar="CHANGE", min=1)]


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
        _apologise(error)
        return 1
    return 0


def _complain(error: NarrowsError) -> None:
    print(plain_text.safe(f"narrows: {error.message}"), file=sys.stderr)
    told = getattr(error, "told", {})
    for one in plain_text.objections(told.get("blockers", []) + told.get("warnings", [])):
        print(f"  {one}", file=sys.stderr)
    if error.hint:
        print(plain_text.safe(error.hint), file=sys.stderr)


def _apologise(error: Exception) -> None:
    from server.settings import Settings
    from server.web import errors

    logs = Settings.load({"data": _before.get("data")}).logs
    name = errors.report(logs, "narrows", " ".join(sys.argv[1:2]), error)
    print(f"narrows: Sorry, that went wrong inside Narrows.\n{logs}/{name}.log says more.", file=sys.stderr)


_before: dict[str, Any] = {}  # the options before the command's name, which those after it overrule


def _settings(data: Path | None, **flags: Any) -> Any:
    from server.settings import Settings

    given = {"data": data, **flags}
    return Settings.load({name: _before.get(name) if value is None else value for name, value in given.items()})


def _client(data: Path | None) -> Any:
    from server.client import client

    return client(_settings(data))


def _version(wanted: bool) -> None:
    if wanted:
        print(f"narrows {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    data: Data = None,
    port: Port = None,
    host: Host = None,
    no_browser: NoBrowser = False,
    no_worker: NoWorker = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,  # noqa: ARG001
) -> None:
    """Without a command: serve. Inside a git repository, that repository is registered and opened."""
    _before.update(_flags(port, host, no_browser, no_worker), data=data)
    if context.invoked_subcommand is None:
        serve(data, port, host, no_browser, no_worker)


@app.command()
def serve(
    data: Data = None, port: Port = None, host: Host = None, no_browser: NoBrowser = False, no_worker: NoWorker = False
) -> None:
    """Start the pages and the work; Ctrl-C stops both."""
    settings = _serving(data, port, host, no_browser, no_worker)
    here = Path.cwd().resolve()
    register = here if _in_repository(here) and not here.is_relative_to(settings.data) else None
    _start(settings, register=register)


@app.command()
def demo(
    data: Data = None, port: Port = None, host: Host = None, no_browser: NoBrowser = False, no_worker: NoWorker = False
) -> None:
    """The whole loop on a sample project made on the spot: no key, no network."""
    _start(_serving(data, port, host, no_browser, no_worker), demo=True)


def _start(settings: Any, **wishes: Any) -> None:
    """Serve, or say where the server that is there already can be opened."""
    from server.app import serve as serve_app

    try:
        code = serve_app(settings, **wishes)
    except Unavailable as error:
        from server.client import link

        if error.code == "already_running" and (address := link(settings)):
            raise Unavailable(error.message, f"Open it at {address}\n{error.hint}", error.code) from error
        raise
    raise typer.Exit(code)


def _serving(data: Path | None, port: int | None, host: str | None, no_browser: bool, no_worker: bool) -> Any:
    return _settings(data, **_flags(port, host, no_browser, no_worker))


def _flags(port: int | None, host: str | None, no_browser: bool, no_worker: bool) -> dict[str, Any]:
    quiet = {"open_browser": False if no_browser else None, "worker": False if no_worker else None}
    return {"port": port, "host": host, **quiet}


def _in_repository(folder: Path) -> bool:
    # A file in a linked worktree; an empty folder of that name is nothing, to git as well.
    markers = [parent / ".git" for parent in (folder, *folder.parents)]
    return any(marker.is_file() or (marker / "HEAD").exists() for marker in markers)


@app.command()
def worker(
    data: Data = None,
    database: Annotated[
        str | None, typer.Option("--database", metavar="URL", help="Where the server keeps it.")
    ] = None,
) -> None:
    """The work without the pages."""
    from server.app import work

    raise typer.Exit(work(_settings(data, database_url=database)))


@app.command()
def doctor(data: Data = None, as_json: Json = False) -> None:
    """What this installation has, and what is wrong with it."""
    from server.app import doctor as examine

    told = examine(_settings(data))
    print(json.dumps(told, indent=2) if as_json else plain_text.doctor(told))
    raise typer.Exit(1 if told.get("problem") else 0)


@app.command()
def add(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="In one line: what should be different.")],
    brief: Annotated[
        str | None, typer.Option("--brief", metavar="FILE", help="Markdown; - reads standard input.")
    ] = None,
    examples: Annotated[
        str | None, typer.Option("--examples", metavar="FILE", help="What goes in and what comes out, likewise.")
    ] = None,
    done_when: Annotated[
        str | None, typer.Option("--done-when", metavar="FILE", help="How it is seen that it is done, likewise.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="K", help="directed, maintenance, research, …")] = None,
    agent: Annotated[str | None, typer.Option("--agent", metavar="A", help="An agent's name.")] = None,
    project: Annotated[str | None, typer.Option("--project", metavar="P", help="Number, name or path.")] = None,
    priority: Annotated[int | None, typer.Option("--priority", metavar="N", help="Higher goes first.")] = None,
    after: Annotated[
        list[int] | None, typer.Option("--after", metavar="TASK", help="Start after it; repeatable.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """File a task for the repository around this folder, or for --project."""
    texts = {"brief": brief, "examples": examples, "done_when": done_when}
    if list(texts.values()).count("-") > 1:
        raise Invalid("brief", "Standard input can be only one of them.", "Name files for the others.")
    read = {field: _read(field, file) for field, file in texts.items() if file is not None}
    with _client(data) as client:
        filed = client.post(
            "tasks",
            project_id=_project(client, project),
            title=title,
            **read,
            kind=kind,
            agent=agent,
            priority=priority,
            after=after,
        )
        if as_json:
            print(json.dumps(filed, indent=2))
            return
        print(f"Filed #{filed['id']}: {plain_text.line(filed['title'])}")
        print(plain_text.line(filed["why"]) if client.running else "It starts when `narrows` runs.")


def _read(field: str, file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode("utf-8")
    except OSError as error:
        raise Invalid(field, f"{file} can't be read: {error.strerror}.", "Name a text file, or -.") from error
    except UnicodeDecodeError as error:
        raise Invalid(field, f"{file} is not UTF-8 text.") from error


def _project(client: Any, wanted: str | None) -> int:
    """The number of the project meant: the one named, the one around this folder, or the only one there is."""
    if wanted is None and _in_repository(Path.cwd()):
        return int(client.post("projects", path=str(Path.cwd()))["id"])
    known = client.get("projects")
    if wanted is None:
        if len(known) == 1:
            return int(known[0]["id"])
        raise Invalid("project", "Which project?", "Name it with --project, or run this inside its repository.")
    path = str(Path(wanted).expanduser().resolve())
    fitting = [one["id"] for one in known if wanted in (str(one["id"]), one["name"]) or path == one["path"]]
    if len(fitting) == 1:
        return int(fitting[0])
    if fitting:
        raise NotFound(f"Several projects are called {wanted!r}.", "Name it by its number or path.")
    raise NotFound(f"No project is called {wanted!r}.", "`narrows` inside its repository registers it.")


@app.command()
def desk(data: Data = None, as_json: Json = False) -> None:
    """What waits to be read, first to read first."""
    with _client(data) as client:
        told = client.get("desk")
    print(json.dumps(told, indent=2) if as_json else plain_text.desk(told))


@app.command()
def tasks(
    state: Annotated[str, typer.Option("--state", metavar="S", help="open, done, dropped or all.")] = "open",
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=1000, help="How many at most.")] = 100,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Tasks, newest first, and where each one stands."""
    with _client(data) as client:
        told = client.get("tasks", limit=limit, **({} if state == "all" else {"state": state}))
    print(json.dumps(told, indent=2) if as_json else plain_text.tasks(told))


@app.command()
def show(
    change: ChangeNumber,
    diff: Annotated[bool, typer.Option("--diff", help="The newest revision's exact patch instead.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """One change: what its agent says, checks, comments, what stands against landing it."""
    with _client(data) as client:
        told = client.get(f"changes/{change}")
        patch = client.get_bytes(f"changes/{change}/revisions/{_newest(told)}.patch") if diff else b""
    if not diff:
        print(json.dumps(told, indent=2) if as_json else plain_text.change(told))
    elif sys.stdout.isatty():
        print(plain_text.safe(patch.decode("utf-8", "backslashreplace")), end="")
    else:
        sys.stdout.buffer.write(patch)
        sys.stdout.buffer.flush()


def _newest(change: dict[str, Any]) -> int:
    if not change["revisions"]:
        raise NotFound(f"Change {change['id']} has no revision yet.", "Its agent is at work; see `narrows tasks`.")
    return int(change["revisions"][-1]["number"])


@app.command()
def answer(
    question: Annotated[int, typer.Argument(metavar="QUESTION", min=1)],
    allow: Annotated[bool, typer.Option("--allow/--refuse", help="Whether the agent may.")],
    whole_run: Annotated[
        bool, typer.Option("--whole-run", help="For every wish with the same kind of tool in its run.")
    ] = False,
    data: Data = None,
) -> None:
    """Answer what an agent asks to be allowed; `narrows show` says what that is."""
    with _client(data) as client:
        client.need_server()
        told = client.post(f"questions/{question}/answer", allowed=allow, whole_run=whole_run)
    print(f"{told['state'].capitalize()}: {plain_text.line(told['detail'] or told['title'])}")


@app.command()
def land(
    change: ChangeNumber,
    message: Annotated[str | None, typer.Option("-m", "--message", help="The commit's message.")] = None,
    revision: Annotated[int | None, typer.Option("--revision", metavar="N", help="The one you read.")] = None,
    acknowledge: Annotated[list[str] | None, typer.Option("--acknowledge", metavar="HASH", help="A warning's.")] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Don't wait for its end.")] = False,
    data: Data = None,
) -> None:
    """Put a change on its target branch, and wait until it is there."""
    with _client(data) as client:
        client.need_server()
        read = revision or _newest(client.get(f"changes/{change}"))
        landing = client.post(f"changes/{change}/landing", revision=read, message=message, acknowledge=acknowledge)
        if not no_wait:
            landing = _settled(client, landing["id"])
    match landing["state"]:
        case "landed":
            print(f"Landed on {plain_text.line(landing['target_branch'])} as {landing['commit'][:12]}.")
            print(f"Take it back with: narrows undo {landing['id']}")
        case "queued" | "running":
            print(f"Landing {landing['id']} is under way.")
        case _:
            raise NarrowsError(landing["error"] or f"Landing {landing['id']} was {landing['state']}.")


def _settled(client: Any, landing: int) -> Any:
    """The landing once nothing moves any more: it has ended, or been taken back.

    Raises:
        Unavailable: Nobody is there to move it.
    """

    def look() -> Any | None:
        told = client.get(f"landings/{landing}")
        if told["why"]:
            raise Unavailable(f"Landing {landing} waits. {told['why']}")
        return None if told["state"] in ("queued", "running") or told["undo_asked"] else told

    return client.until(look, "landing")


@app.command()
def undo(landing: Annotated[int, typer.Argument(metavar="LANDING", min=1)], data: Data = None) -> None:
    """Take a landing back; its change returns to the desk."""
    with _client(data) as client:
        client.need_server()
        told = client.delete(f"landings/{landing}")
        if told["undo_asked"]:
            told = _settled(client, landing)
    match told["state"]:
        case "undone":
            print(f"Undone: {plain_text.line(told['target_branch'])} is at {told['undo_commit'][:12]}.")
        case "cancelled":
            print("Taken out of the landing line; nothing had moved.")
        case _:
            raise NarrowsError(told["error"] or f"Landing {landing} is {told['state']}.")


@app.command("send-back")
def send_back(
    change: ChangeNumber,
    message: Annotated[str, typer.Option("-m", "--message", help="What should be different.")] = "",
    revision: Annotated[int | None, typer.Option("--revision", metavar="N", help="The one you read.")] = None,
    data: Data = None,
) -> None:
    """Send a change back to its agent, with the message and every drafted comment."""
    if not message.strip():
        raise Invalid("message", "Say what should be different.", f"narrows send-back {change} -m TEXT")
    with _client(data) as client:
        read = revision or _newest(client.get(f"changes/{change}"))
        client.post(f"changes/{change}/reviews", revision=read, verdict="request_changes", message=message)
        later = "" if client.running else " It starts when `narrows` runs."
    print(f"Sent #{change} back to its agent.{later}")


if __name__ == "__main__":
    sys.exit(main())
