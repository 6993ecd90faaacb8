"""Agents without a way out, where the machine allows it; where it does not, that is said."""

from __future__ import annotations

import subprocess
import sys

TRY = """
import socket
from tests.real.offline import only_loopback
here = socket.create_server(("127.0.0.1", 0))
socket.create_connection(here.getsockname()).close()
if only_loopback():
    try:
        socket.create_connection(("192.0.2.1", 9), 5)  # an address for documentation
    except OSError as refused:
        print("refused:", refused)
else:
    print("open")
raise SystemExit(7)
"""


def test_a_command_reaches_loopback_and_nothing_else() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.real.offline", sys.executable, "-c", TRY],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 7, ended.stderr
    if "forbids" in ended.stderr:
        assert "open" in ended.stdout
    else:
        assert "refused: [Errno 101] Network is unreachable" in ended.stdout
