# SPDX-License-Identifier: Apache-2.0
"""Read the folder `governance/`: approvers, waivers, approvals. Each is optional; none of them is guessed.

Without `approvers.yaml` nobody may approve, so every approval is refused and no waiver stands.
"""

import hashlib
import os
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from policies.errors import CannotEvaluate
from policies.governance.approvers import read_approvers
from policies.governance.governance import Governance, RefusedApproval, SignedApproval
from policies.governance.waivers import read_waivers
from policies.place import Place

APPROVERS: Final = "approvers.yaml"
WAIVERS: Final = "waivers.yaml"
APPROVALS: Final = "approvals"
SUFFIX: Final = ".dsse.json"


def read_governance(folder: Path) -> Governance:
    """The folder as read; an absent one is empty. Raises CannotEvaluate, or WaiversInvalid for the waiver file."""
    approvals = [file.relative_to(folder).as_posix() for file in sorted((folder / APPROVALS).rglob(f"*{SUFFIX}"))]
    read = {name: _read(folder / name) for name in (APPROVERS, WAIVERS, *approvals)}
    return governance_from({name: data for name, data in read.items() if data is not None}, str(folder))


def governance_from(files: dict[str, bytes], name: str) -> Governance:
    """The folder as its files give it. Raises CannotEvaluate, or WaiversInvalid for the waiver file."""
    read = Governance(
        approvers=read_approvers(files[APPROVERS], f"{name}/{APPROVERS}") if APPROVERS in files else (),
        waivers=read_waivers(files[WAIVERS], f"{name}/{WAIVERS}") if WAIVERS in files else (),
        digests={path: hashlib.sha256(data).hexdigest() for path, data in files.items()},
        place=Place(name),
    )
    enveloped = {path: data for path, data in files.items() if path.endswith(SUFFIX)}
    return _with_approvals(read, enveloped) if enveloped else read


def _with_approvals(read: Governance, files: dict[str, bytes]) -> Governance:
    # Imported here: a run that meets no approval pays nothing for cryptography.
    from policies.governance.approvals import read_approval

    found = [read_approval(data, Place(f"{read.place.file}/{path}"), read.approvers) for path, data in files.items()]
    return replace(
        read,
        approvals=tuple(item for item in found if isinstance(item, SignedApproval)),
        refused=tuple(item for item in found if isinstance(item, RefusedApproval)),
    )


def _read(file: Path) -> bytes | None:
    if not os.path.lexists(file):  # a link that leads nowhere is there, and cannot be read
        return None
    try:
        return file.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CannotEvaluate(f"{file}: cannot be read: {reason}; restore it or mend its permissions") from None
