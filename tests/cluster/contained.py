# SPDX-License-Identifier: Apache-2.0
"""Become a container's command: with a root of its own that holds what an image would, and the pod's volumes.

Run as a program, with one JSON object (``Contained``) as its argument, by root. Everything but the volumes that may be
written is read-only; the network is that of whoever starts it. What a container runtime does beside that (capabilities,
seccomp, cgroups) is not done here.
"""

import ctypes
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

_NEW_MOUNTS: Final = 0x00020000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 0x1, 0x20, 0x1000, 0x4000, 0x40000
_SIGNAL_AT_DEATH: Final = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_CHECKOUT: Final = Path(__file__).parents[2]
_SYSTEM: Final = ("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/proc", "/dev")


class Contained(NamedTuple):
    """What to run, as whom, and what it finds; ``mounts`` are of source, place, and whether it may be written."""

    root: str
    command: Sequence[str]
    environment: Mapping[str, str]
    mounts: Sequence[tuple[str, str, bool]]
    user: int = 65532

    def words(self) -> list[str]:
        """The command line that starts it."""
        return [sys.executable, "-m", "tests.cluster.contained", json.dumps(self._asdict())]


def main(argument: str) -> None:
    """Never returns; what cannot be done is an OSError."""
    wanted = Contained(**json.loads(argument))
    root = Path(wanted.root)
    _checked(_LIBC.unshare(_NEW_MOUNTS), "unshare")
    _mount("none", "/", "", _RECURSIVE | _PRIVATE)
    _mount("tmpfs", wanted.root, "tmpfs", 0, "mode=755")
    # The interpreter may live anywhere; it and the checkout are what the image consists of.
    for path in (*_SYSTEM, sys.base_prefix, str(_CHECKOUT), sys.prefix):
        _show(path, root)
    for source, place, writable in wanted.mounts:
        _bind(source, root / place.lstrip("/"), writable)
    _mount("none", wanted.root, "", _REMOUNT | _BIND | _READ_ONLY)
    os.chroot(wanted.root)
    os.chdir("/")
    os.setgroups([])
    os.setgid(wanted.user)
    os.setuid(wanted.user)
    # Now, for a change of user forgets it: no container outlives the thread that has started it.
    _checked(_LIBC.prctl(_SIGNAL_AT_DEATH, signal.SIGKILL), "prctl")
    path = f"{sys.prefix}/bin:/usr/bin:/bin"
    os.execvpe(wanted.command[0], list(wanted.command), {"PATH": path, **wanted.environment})


def _show(path: str, root: Path) -> None:
    """Show something of the machine at its own place; a link stays a link."""
    place = root / path.lstrip("/")
    if Path(path).is_symlink():
        place.symlink_to(Path(path).readlink())
    elif Path(path).exists() and not place.exists():
        _bind(path, place, writable=path in ("/proc", "/dev"))


def _bind(source: str, place: Path, writable: bool) -> None:
    place.mkdir(parents=True, exist_ok=True)
    _mount(source, str(place), "", _BIND | _RECURSIVE)
    if not writable:
        _mount("none", str(place), "", _REMOUNT | _BIND | _READ_ONLY)


def _mount(source: str, place: str, kind: str, flags: int, data: str = "") -> None:
    done = _LIBC.mount(source.encode(), place.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode())
    _checked(done, f"mount {source} at {place}")


def _checked(code: int, what: str) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main(sys.argv[1])
