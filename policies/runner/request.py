# SPDX-License-Identifier: Apache-2.0
"""What is to be judged, by which rules, as of which day: everything that a run depends on, and nothing else."""

from datetime import date
from pathlib import Path

from msgspec import Struct

from contracts.image import Image
from policies.profiles import Profile
from policies.rules.rule import TargetKind


class Request(Struct, frozen=True, kw_only=True):
    """One run of the gate. A kind of target that is not in ``named`` is not judged."""

    version: str
    """Of Countersign."""
    profile: Profile
    as_of: date
    bundles: tuple[str, ...] = ()
    """Folders, as the user named them."""
    named: dict[TargetKind, str] = {}
    """What the user gave for each other kind of target."""
    images: tuple[Image, ...] = ()
    """The images that were released, where the user named them."""
    governance: Path
    rule_folders: tuple[Path, ...] = ()
    """Folders of a team's own rules."""
    recompute: bool = True
