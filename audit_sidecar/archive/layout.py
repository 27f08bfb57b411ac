# SPDX-License-Identifier: Apache-2.0
"""What lies where in an archive: a C2SP log, and beside it the checkpoints that were kept for good.

``checkpoint`` and ``tile/`` are the log as every C2SP reader finds it. ``checkpoints/<size>`` are sparse copies that
are never replaced, so that an archive cannot be set back: the largest of them is an anchor.
"""

from typing import Final

CHECKPOINT: Final = "checkpoint"
KEPT: Final = "checkpoints/"
_DIGITS: Final = 20


def kept_path(size: int) -> str:
    """Where the kept checkpoint of this size lies; names sort as sizes do."""
    return f"{KEPT}{size:0{_DIGITS}d}"


def kept_size(path: str) -> int | None:
    """The size that a kept checkpoint's name says; None for a name that is none."""
    digits = path.removeprefix(KEPT)
    return int(digits) if len(digits) == _DIGITS and digits.isascii() and digits.isdecimal() else None
