# SPDX-License-Identifier: Apache-2.0
"""Find the version that a bundle is to replace: the folder beside it that its card names as `previous_version`."""

import re
from typing import Final

from policies.errors import TargetUnreadable
from policies.recomputation.evidence_rows import TRAINING_ROWS
from policies.recomputation.inputs import Earlier
from policies.rules.judgement import Finding
from policies.targets.bundle import BundleTarget, read_bundle

_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,62}")
_NUMBERS: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def earlier_version(bundle: BundleTarget) -> Earlier | Finding | None:
    """The earlier version, or what is wrong about it; None for a first release. Reads the folders beside the bundle."""
    named = bundle.card.previous_version
    if named is None:
        older = _older_beside(bundle)
        if older is None:
            return None
        return _finding(
            bundle, f"the card names no previous version, but {older} lies beside it", f"`previous_version: {older}`"
        )
    if not _VERSION.fullmatch(named) or named == bundle.card.version:
        return _finding(bundle, "previous_version names no other version", "the version before this one", named)
    folder = bundle.root.parent / named
    try:
        found = read_bundle(str(folder))
    except TargetUnreadable as error:
        return _finding(bundle, f"the previous version cannot be compared: {error}", f"a bundle in {folder}", named)
    card = found.card
    if card.model_id != bundle.card.model_id:
        return _finding(bundle, f"{folder} is another model", bundle.card.model_id, card.model_id)
    if found.digest(card.artifact.file) != card.artifact.sha256:
        return _finding(
            bundle, f"{folder}/{card.artifact.file} is not the file that its card names", "that file", named
        )
    return Earlier(
        version=named,
        folder=found.name,
        artifact_file=card.artifact.file,
        artifact=found.artifact,
        features=card.features,
        output=card.output,
        training_rows=found.files.get(TRAINING_ROWS),
    )


def _older_beside(bundle: BundleTarget) -> str | None:
    """The newest version below this one that has a card beside it."""
    own = _ordered(bundle.card.version)
    older = [(order, version) for version in bundle.siblings if (order := _ordered(version))]
    below = [item for item in older if own and item[0] < own]
    return max(below)[1] if below else None


def _ordered(version: str) -> tuple[int, ...] | None:
    found = _NUMBERS.match(version)
    return tuple(map(int, found.groups())) if found else None


def _finding(bundle: BundleTarget, message: str, wanted: str, seen: str | None = None) -> Finding:
    return Finding(place=bundle.at("previous_version"), message=message, wanted=wanted, seen=seen)
