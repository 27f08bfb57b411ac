# SPDX-License-Identifier: Apache-2.0
"""A network namespace of our own: whatever listens in it is out of reach from outside, and no port is taken.

Needs root with the right to make namespaces. A namespace belongs to a thread: what a thread starts inside it, processes
and threads, stays inside.
"""

import ctypes
import errno
import fcntl
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET of <linux/sched.h>
_SET_FLAGS: Final = 0x8914  # SIOCSIFFLAGS of <linux/sockios.h>
_UP_AND_RUNNING: Final = 0x1 | 0x40
_OWN_NETWORK: Final = "/proc/thread-self/ns/net"
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class NamespacesRefused(Exception):
    """This user, or this machine, may make no namespace; the message says why."""


class Network:
    """A namespace whose loopback answers for every address of a cluster; gone when it is closed and all in it ended."""

    def __init__(self, *ranges: str) -> None:
        absent = [program for program in ("ip", "setpriv") if shutil.which(program) is None]
        if absent:
            raise NamespacesRefused(f"{' and '.join(absent)} of iproute2 and util-linux cannot be found")
        home = os.open(_OWN_NETWORK, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _LIBC.unshare(_NEW_NETWORK) != 0:
                reason = os.strerror(ctypes.get_errno())
                raise NamespacesRefused(f"no network namespace can be made here: {reason}; run as root")
            self._namespace = os.open(_OWN_NETWORK, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _bring_up_loopback()
                for each in ranges:
                    subprocess.run(["ip", "route", "add", "local", each, "dev", "lo"], check=True, timeout=30)
            finally:
                _enter(home)
        finally:
            os.close(home)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """What this thread opens and starts within the block is in the namespace; blocks may stand in one another."""
        before = os.open(_OWN_NETWORK, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(self._namespace)
            yield
        finally:
            _enter(before)
            os.close(before)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._namespace)


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _NEW_NETWORK) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"setns: {errno.errorcode.get(code, code)}")


def _bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH22x", b"lo", _UP_AND_RUNNING))
