"""Runs a command where only loopback can be reached: `python -m tests.real.offline COMMAND…`.

That takes a network namespace. A machine that forbids one runs the command all the same; `only_loopback` tells.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000  # flags of unshare(2), from linux/sched.h
SET_FLAGS, UP = 0x8914, 0x1  # SIOCSIFFLAGS and IFF_UP, see netdevice(7)


def only_loopback() -> bool:
    """Whether this process has no network but loopback."""
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def leave_network() -> None:
    """Moves this process into a network namespace of its own, with loopback up.

    Raises:
        OSError: The machine forbids it.
    """
    user, group = os.getuid(), os.getgid()
    try:
        _unshare(NEW_NETWORK)
    except PermissionError:  # not root: a user namespace grants what is needed, and keeps who we are
        _unshare(NEW_USER | NEW_NETWORK)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh14x", b"lo", UP))


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def forbidden() -> str:
    """Why the machine does not let a process leave the network; empty when it does.

    A child tries: it may end half way, in a user namespace where nobody is anybody.
    """
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        os.waitpid(child, 0)
        return os.read(reading, 1000).decode()
    try:
        leave_network()
    except OSError as refused:
        os.write(writing, str(refused).encode())
    finally:
        os._exit(0)


def main() -> None:
    if reason := forbidden():
        print(f"This machine forbids a network of our own ({reason}): going on with its own.", file=sys.stderr)
    else:
        leave_network()
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
