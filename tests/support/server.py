"""The real server as its own process, spoken to as a script would."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx2

Answer = TypeVar("Answer")
CHECKOUT = Path(__file__).parents[2]


class Server:
    """`narrows serve` on a data folder and a free port, from `start` to `stop` or `kill`."""

    def __init__(
        self,
        data: Path,
        *flags: str,
        command: str = "serve",
        env: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.data = data
        self.prefix = prefix  # what the command is started by
        self.flags = (*flags,)
        self.command = command
        self.env = {**os.environ, **(env or {})}
        self.process: subprocess.Popen[str] | None = None
        self.link = ""  # the address with the token, as printed
        self.last_words = ""  # what it printed after its address, once it is gone
        self.http: httpx2.Client | None = None

    def spawn(self) -> Server:
        """Begun, and not waited for."""
        narrows = [*self.prefix, sys.executable, "-m", "server.cli", self.command]
        argv = [*narrows, "--data", str(self.data), "--port", "0", "--no-browser", *self.flags]
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.env, cwd=self._cwd()
        )
        return self

    def start(self) -> Server:
        self.spawn()
        said = []
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said.append(line)
            if found := re.search(r"http://\S+", line):
                self.link = found.group()
                break
        else:
            raise AssertionError("the server did not start:\n" + "".join(said))
        url, _, token = self.link.partition("?token=")
        self.http = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        return self

    def _cwd(self) -> Path:
        # Not a repository: `narrows` inside one registers it.
        self.data.mkdir(parents=True, exist_ok=True)
        return self.data

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def call(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        """The answer's JSON; fails unless its status is `status`, or any good one when None."""
        assert self.http is not None
        answer = self.http.request(method, path, json=body)
        wanted = answer.is_success if status is None else answer.status_code == status
        assert wanted, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self.call("POST", path, {} if body is None else body)

    @contextlib.contextmanager
    def events(self, after: int | None = None) -> Iterator[Iterator[dict[str, Any]]]:
        """What happens, as it comes: from now on, or since the event number `after`."""
        assert self.http is not None
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        with self.http.stream("GET", "/api/events", headers=headers, timeout=60) as stream:
            yield (json.loads(line[5:]) for line in stream.iter_lines() if line.startswith("data:"))

    def until(self, look: Callable[[], Answer | None]) -> Answer:
        """What `look` answers once that is something; asked again after each event."""
        with self.events() as events:
            if (answer := look()) is not None:
                return answer
            for _ in events:
                if (answer := look()) is not None:
                    return answer
        raise AssertionError("the events ended")

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ctrl-C, or another signal; the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self._gone()

    def kill(self) -> None:
        """As a crash would."""
        assert self.process is not None
        self.process.kill()
        self._gone()

    def _gone(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        code = self.process.wait(timeout=30)
        self.last_words = self.process.stdout.read()
        self.process.stdout.close()
        if self.http:
            self.http.close()
        return code

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process and self.process.poll() is None:
            self.stop()
