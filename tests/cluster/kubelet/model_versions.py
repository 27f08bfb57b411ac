# SPDX-License-Identifier: Apache-2.0
"""The bundle of the repository, and a next version of it with what governance needs to let it pass.

The next version has the same artifact under another version and card. Approvers, approvals and waivers are those of the
repository, carried over to it; whose keys these are is said in governance/.
"""

import hashlib
import shutil
from pathlib import Path
from typing import Final, NamedTuple

from tests.end_to_end.living import countersign
from tests.policies.examples import AS_OF
from tests.tree import ROOT

MODEL: Final = "telco-watson"
_APPROVERS: Final = {"demonstration model risk": "model-risk.pem", "demonstration validation": "validation.pem"}


class ModelVersion(NamedTuple):
    """A bundle, and the governance that it is judged under."""

    version: str
    bundle: Path
    governance: Path


def first_version() -> ModelVersion:
    """As it is released."""
    return ModelVersion("1.0.0", ROOT / "models" / MODEL / "1.0.0", ROOT / "governance")


def next_version(folder: Path) -> ModelVersion:
    """Made and approved below a folder."""
    first, found = first_version(), ModelVersion("1.0.1", folder / "models" / MODEL / "1.0.1", folder / "governance")
    shutil.copytree(first.bundle, found.bundle)
    shutil.copy(first.bundle.parent / "thresholds.yaml", found.bundle.parent)
    shutil.copytree(first.governance, found.governance)
    card, waivers, approvers = (
        found.bundle / "card.yaml", found.governance / "waivers.yaml", found.governance / "approvers.yaml",
    )  # fmt: skip
    before = _digest(card)
    _exchange(card, f"\nversion: {first.version}\n", f"\nversion: {found.version}\n")
    _exchange(waivers, f"{MODEL}@{first.version}", f"{MODEL}@{found.version}")
    _exchange(approvers, before, _digest(card))
    for name, key in _APPROVERS.items():
        signing = ["--key", str(ROOT / "governance" / "demonstration-keys" / key), "--on", AS_OF.isoformat()]
        done = countersign("approve", str(found.bundle), "--as", name, "--governance", str(found.governance), *signing)
        assert done.returncode == 0, done
    return found


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _exchange(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text, f"{file} does not say {before!r}"
    file.write_text(text.replace(before, after))
