"""Remotes of a user's repository: bare repositories, by path, git's own protocol, smart HTTP, or a false ssh."""

from __future__ import annotations

import base64
import contextlib
import os
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.repositories import Repository, environment


class Remote:
    """A bare repository that a user's repository calls `origin`."""

    def __init__(self, path: Path, home: Path) -> None:
        self.path, self.home = path, home

    @classmethod
    def of(cls, repository: Repository, name: str = "origin") -> Remote:
        """Made of what the user's repository has on main, and added to it as `name`, with its tracking branch."""
        remote = cls(repository.path.parent / f"{name}.git", repository.home)
        repository.git("clone", "-q", "--bare", "--no-hardlinks", ".", str(remote.path))
        remote.git("config", "--remove-section", "remote.origin")
        repository.git("remote", "add", name, str(remote.path))
        repository.git("fetch", "-q", name)
        (repository.path / ".git/FETCH_HEAD").unlink()
        return remote

    def git(self, *args: str, input: bytes = b"") -> str:
        return Repository(self.path, self.home).git(*args, input=input)

    def tip(self, branch: str = "main") -> str:
        return self.git("rev-parse", "--verify", f"refs/heads/{branch}")

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/").splitlines()

    def tags(self) -> list[str]:
        return self.git("tag").splitlines()

    def log(self, branch: str = "main") -> list[str]:
        return self.git("log", "--format=%s", branch).splitlines()

    def commit(self, message: str, content: str, name: str = "theirs.txt", branch: str = "main") -> str:
        """Somebody else pushes a commit that writes one file."""
        blob = self.git("hash-object", "-w", "--stdin", input=content.encode())
        old = self.tip(branch)
        entries = [line for line in self.git("ls-tree", old).splitlines() if not line.endswith(f"\t{name}")]
        tree = self.git("mktree", input="\n".join([*entries, f"100644 blob {blob}\t{name}"]).encode() + b"\n")
        who = ("-c", "user.name=Grace", "-c", "user.email=grace@example.org")
        made = self.git(*who, "commit-tree", tree, "-p", old, "-m", message)
        self.git("update-ref", f"refs/heads/{branch}", made, old)
        return made

    def hook(self, name: str, script: str) -> None:
        path = self.path / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


class _Daemon(socketserver.StreamRequestHandler):
    """A connection of git's own protocol, handed to git itself."""

    def handle(self) -> None:
        assert isinstance(self.server, _ByGit)
        root = self.server.root
        subprocess.run(
            ["git", "daemon", "--inetd", "--export-all", "--enable=receive-pack", f"--base-path={root}", str(root)],
            stdin=self.connection.fileno(),
            stdout=self.connection.fileno(),
            stderr=subprocess.DEVNULL,
            env=environment(root / "home"),
            check=False,
        )


class _Smart(BaseHTTPRequestHandler):
    """A request of git's smart HTTP, handed to `git http-backend`; with a password where the server has one."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def _serve(self, body: bytes) -> None:
        assert isinstance(self.server, _ByHttp)
        root, password = self.server.root, self.server.password
        wanted = "Basic " + base64.b64encode(f"ada:{password}".encode()).decode()
        if password and self.headers.get("Authorization") != wanted:
            return self._answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
        path, _, query = self.path.partition("?")
        asked = {
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "ada",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            env=environment(root / "home") | asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")]
        status = next((int(value.split()[0]) for name, value in fields if name == "Status"), 200)
        return self._answer(status, [(name, value) for name, value in fields if name != "Status"], content)

    def _answer(self, status: int, fields: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _ByGit(socketserver.ThreadingTCPServer):
    def __init__(self, root: Path, password: str) -> None:
        super().__init__(("127.0.0.1", 0), _Daemon)
        self.root, self.password = root, password


class _ByHttp(ThreadingHTTPServer):
    def __init__(self, root: Path, password: str) -> None:
        super().__init__(("127.0.0.1", 0), _Smart)
        self.root, self.password = root, password


@contextlib.contextmanager
def served(root: Path, scheme: str, password: str = "") -> Iterator[str]:
    """The repositories below `root` by `git` or `http` on a port of the kernel's choice; the address of the root."""
    kind = _ByGit if scheme == "git" else _ByHttp
    server = kind(root, password)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def false_ssh(folder: Path) -> Path:
    """A program that takes ssh's place: it writes down whom it was to connect to, and runs the command in `folder`."""
    program = folder / "false-ssh"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {folder}/ssh.log\nfor last; do :; done\ncd {folder}\nexec sh -c "$last"\n'
    )
    program.chmod(0o755)
    return program


def false_program(folder: Path, name: str, script: str) -> Path:
    """A program of that name in a folder for PATH. It writes down its arguments, one file a call, NUL between them."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    record = f'n=$(ls {folder}/{name}.*.argv 2>/dev/null | wc -l)\nprintf "%s\\0" "$@" > "{folder}/{name}.$n.argv"'
    program.write_text(f"#!/bin/sh\n{record}\n{script}\n")
    program.chmod(0o755)
    return program


def calls(folder: Path, name: str) -> list[list[str]]:
    """What `false_program` wrote down, first call first."""
    found = sorted(folder.glob(f"{name}.*.argv"), key=lambda path: int(path.name.split(".")[-2]))
    return [os.fsdecode(path.read_bytes()).split("\0")[:-1] for path in found]
