# SPDX-License-Identifier: Apache-2.0
"""Addresses to listen on: ``host:port`` or ``unix:/path``."""

import ipaddress
import os
import socket
import stat
from pathlib import Path
from typing import NamedTuple

from contracts.errors import SettingInvalid

_BACKLOG = 2048


class Address(NamedTuple):
    """One listener's address; either ``path`` or ``host`` and ``port``. Port 0 asks for a free one."""

    host: str = ""
    port: int = 0
    path: str | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.path is not None or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """The spelling that `parse_address` reads."""
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read an address; SettingInvalid when it is neither form."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path or "\0" in path or len(os.fsencode(path)) > 100:
            raise SettingInvalid(f"{text!r}: a unix socket has a path of 1 to 100 bytes, none of them zero")
        return Address(path=path)
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise SettingInvalid(f"{text!r}: want host:port or unix:/path")
    return Address(host, int(port))


def bind(address: Address) -> socket.socket:
    """A listening socket. A unix socket is private to this user (0600). SettingInvalid says what is in the way."""
    try:
        if address.path is not None:
            return _bind_unix(Path(address.path))
        return _bind_tcp(address)
    except (OSError, UnicodeError, OverflowError) as error:  # a host that is no name; a port beyond 65535
        reason = getattr(error, "strerror", None) or error
        raise SettingInvalid(f"cannot listen on {address}: {reason}; choose another address") from error


def bound_port(listener: socket.socket) -> int:
    """The port a TCP listener really has."""
    return int(listener.getsockname()[1])


def is_free(address: Address) -> bool:
    """Whether a TCP address could be listened on just now."""
    try:
        bind(address).close()
    except SettingInvalid:
        return False
    return True


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Different ports that are free just now; whoever binds one next has it."""
    listeners = [bind(Address(host, 0)) for _ in range(count)]
    ports = [bound_port(listener) for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def _bind_tcp(address: Address) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        return _listen(listener)
    except BaseException:
        listener.close()
        raise


def _listen(listener: socket.socket) -> socket.socket:
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


def _bind_unix(path: Path) -> socket.socket:
    if path.exists():
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise SettingInvalid(f"cannot listen on unix:{path}: a file that is no socket is in the way")
        _require_abandoned(path)
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mask makes the socket private from its first moment, not from a later chmod on.
    previous = os.umask(0o177)
    try:
        listener.bind(str(path))
        return _listen(listener)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(previous)


def _require_abandoned(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise SettingInvalid(f"cannot listen on unix:{path}: another process does")
