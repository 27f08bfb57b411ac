# SPDX-License-Identifier: Apache-2.0
"""A released model: a folder with `card.yaml`, the artifact and the evidence, each pinned by its SHA-256 on the card.

`load_bundle` gives bytes that were compared with the card in the same read, so what is served is what was checked.
Evidence files are compared when they are read. Whether the artifact is a valid model, whether its figures are true
and who approved it are left to the service and to the gate.
"""

import hashlib
from pathlib import Path

from msgspec import Struct

from contracts.errors import BundleInvalid
from contracts.model_card import ModelCard, parse_card

CARD_FILE = "card.yaml"


class Bundle(Struct, frozen=True):
    """A bundle whose card could be read and whose artifact is the card's; digests are lower-case hex."""

    root: Path
    card: ModelCard
    card_bytes: bytes
    card_digest: str
    artifact_bytes: bytes
    artifact_digest: str

    def read(self, file: str) -> bytes:
        """Read a file that the card names, checked against its digest there. Raises BundleInvalid."""
        return _read_checked(self.root, file, self._digest_of(file))

    def _digest_of(self, file: str) -> str:
        card = self.card
        named = {item.file: item.sha256 for item in card.evidence or ()}
        named[card.artifact.file] = card.artifact.sha256
        if card.explanation is not None:
            named.setdefault(card.explanation.file, card.explanation.sha256)
        if file not in named:
            raise BundleInvalid(
                f"{self.root / CARD_FILE} lists no file `{file}`; add it with its digest, or train again"
            )
        return named[file]


def load_bundle(path: Path) -> Bundle:
    """Read card and artifact of the bundle in the folder `path`. Raises BundleInvalid or ModelCardInvalid."""
    root = Path(path)
    if not root.is_dir():
        raise BundleInvalid(f"{root} is not a folder; name one like models/<id>/<version>")
    card_bytes = _read(root, CARD_FILE)
    card = parse_card(card_bytes, str(root / CARD_FILE))
    return Bundle(
        root=root,
        card=card,
        card_bytes=card_bytes,
        card_digest=hashlib.sha256(card_bytes).hexdigest(),
        artifact_bytes=_read_checked(root, card.artifact.file, card.artifact.sha256),
        artifact_digest=card.artifact.sha256,
    )


def _read_checked(root: Path, file: str, digest: str) -> bytes:
    data = _read(root, file)
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise BundleInvalid(
            f"{root / file} has SHA-256 {found}, but {root / CARD_FILE} says {digest}; "
            "restore the released file, or train the bundle again"
        )
    return data


def _read(root: Path, file: str) -> bytes:
    try:
        return (root / file).read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BundleInvalid(f"cannot read {root / file}: {reason}; restore it, or train the bundle again") from None
