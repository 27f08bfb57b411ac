# SPDX-License-Identifier: Apache-2.0
"""The bundle as a target: card, artifact and evidence as they lie there, with the place of everything on the card.

Digests are computed, never believed: a file that differs from the card's digest is a finding of a rule, not a bundle
that cannot be read. Only a card that is not a card, or a file that is not there, makes the target unreadable.
"""

import hashlib
import os
from pathlib import Path
from typing import Final

from msgspec import Struct

from contracts.bundle import CARD_FILE
from contracts.errors import ModelCardInvalid
from contracts.model_card import ModelCard, parse_card
from contracts.yaml_document import YamlDocument, YamlInvalid, read_yaml
from policies.errors import TargetUnreadable
from policies.place import Place, split_place

THRESHOLDS_FILE: Final = "thresholds.yaml"


class BundleTarget(Struct, frozen=True, kw_only=True):
    """A bundle whose card could be read. ``files`` holds every file that the card names, as found."""

    name: str
    """The folder as the user named it."""
    root: Path
    card: ModelCard
    card_bytes: bytes
    card_digest: str
    document: YamlDocument
    files: dict[str, bytes]
    folder: tuple[str, str] = ("", "")
    """The last two parts of the folder's path: ``<id>`` and ``<version>`` in an inventory ``models/<id>/<version>``."""
    siblings: frozenset[str] = frozenset()
    """Folders beside this one that hold a card: the other released versions of an inventory."""
    unlisted: tuple[str, ...] = ()
    """Files and links in the folder that the card does not name, sorted."""
    thresholds: bytes | None = None
    """`THRESHOLDS_FILE` beside the versions, which holds what was required before any was evaluated; None without."""

    @property
    def artifact(self) -> bytes:
        """The artifact as found, which need not be the card's."""
        return self.files[self.card.artifact.file]

    def digest(self, file: str) -> str:
        """SHA-256 of a file as found, lower-case hex."""
        return hashlib.sha256(self.files[file]).hexdigest()

    def at(self, *path: str | int) -> Place:
        """Where a value of the card stands; for a key that is missing, where its parent does."""
        while path and path not in self.document.keys and path not in self.document.values:
            path = path[:-1]
        line, column = self.document.keys.get(path) or self.document.values.get(path, (1, 1))
        return Place(f"{self.name}/{CARD_FILE}", line, column)

    def file_place(self, file: str) -> Place:
        """A file of the bundle, as an editor opens it."""
        return Place(f"{self.name}/{file}")


def read_bundle(name: str) -> BundleTarget:
    """Read the bundle in a folder. Raises TargetUnreadable."""
    root = Path(name)
    name = str(root)
    card_bytes = _read(root, name, CARD_FILE)
    place = root.resolve()
    card, document = read_card(card_bytes, f"{name}/{CARD_FILE}")
    named = dict.fromkeys([card.artifact.file, *(item.file for item in card.evidence or ())])
    if card.explanation is not None:
        named.setdefault(card.explanation.file)
    return BundleTarget(
        name=name,
        root=root,
        card=card,
        card_bytes=card_bytes,
        card_digest=hashlib.sha256(card_bytes).hexdigest(),
        document=document,
        files={file: _read(root, name, file) for file in named},
        folder=(place.parent.name, place.name),
        unlisted=tuple(sorted(_found(root) - {CARD_FILE, *named})),
        thresholds=_read_if_there(place.parent / THRESHOLDS_FILE),
        siblings=frozenset(file.parent.name for file in place.parent.glob(f"*/{CARD_FILE}")) - {place.name},
    )


def read_card(data: bytes, name: str) -> tuple[ModelCard, YamlDocument]:
    """Read a card with the place of everything in it. Raises TargetUnreadable."""
    try:
        return parse_card(data, name), read_yaml(data, name)
    except (ModelCardInvalid, YamlInvalid) as error:
        place, message = split_place(str(error), name)
        raise TargetUnreadable(place, message) from None


def _found(root: Path) -> set[str]:
    """Every file below a folder, and every link, which leads to none below it."""
    found = set()
    for folder, folders, files in os.walk(root):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        found |= {Path(folder, name).relative_to(root).as_posix() for name in (*files, *links)}
    return found


def _read(root: Path, name: str, file: str) -> bytes:
    path = root / file
    try:
        if path.exists() and not path.is_file() and not path.is_dir():  # a pipe, or a device without an end
            raise TargetUnreadable(Place(f"{name}/{file}"), "is no file; put the file itself there")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TargetUnreadable(
            Place(f"{name}/{file}"), f"cannot be read: {reason}; restore it, or train the bundle again"
        ) from None


def _read_if_there(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TargetUnreadable(Place(str(file)), f"cannot be read: {reason}; restore it") from None
