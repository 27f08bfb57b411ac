# SPDX-License-Identifier: Apache-2.0
"""Approve every bundle below models/ with the demonstration keys, after their cards were listed beside those keys.

A demonstration approval shows that the gate works. It is dated with the card's last review, so that it has the same
bytes whenever it is made.
"""

import hashlib
import re
import shutil
import sys
from pathlib import Path
from typing import Final

from contracts.bundle import load_bundle
from countersign.__main__ import main as countersign

ROOT: Final = Path(__file__).parents[1]
KEYS: Final = {"demonstration model risk": "model-risk.pem", "demonstration validation": "validation.pem"}
_CARDS: Final = re.compile(r"(?<=    cards:\n)(?:      - .*\n)*")


def main() -> int:
    """Approve the bundles of this repository; 0 when everything is signed."""
    return approve_all(ROOT)


def approve_all(root: Path) -> int:
    """List the cards below a folder's models/ in its governance/, and sign the approvals; the worst exit code."""
    governance = root / "governance"
    bundles = [load_bundle(folder) for folder in sorted((root / "models").glob("*/*/"))]
    approvers = governance / "approvers.yaml"
    lines = "".join(f"      - {hashlib.sha256(bundle.card_bytes).hexdigest()}\n" for bundle in bundles)
    approvers.write_text(_CARDS.sub(lines, approvers.read_text("utf-8")), "utf-8")
    shutil.rmtree(governance / "approvals", ignore_errors=True)
    codes = []
    for bundle in bundles:
        for name, file in KEYS.items():
            key, day = governance / "demonstration-keys" / file, str(bundle.card.last_review)
            words = ["approve", str(bundle.root), "--as", name, "--key", str(key)]
            codes.append(countersign([*words, "--governance", str(governance), "--on", day]))
    return max(codes, default=1)


if __name__ == "__main__":
    sys.exit(main())
