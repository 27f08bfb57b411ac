# SPDX-License-Identifier: Apache-2.0
"""What a run found: one `Case` for each rule and target, and what could not be judged. Every output is made from it."""

from datetime import date
from enum import Enum

from msgspec import Struct

from policies.law.law import LawPack
from policies.place import Place
from policies.profiles import Profile
from policies.rules.judgement import Basis, Finding
from policies.rules.rule import Rule, TargetKind
from policies.targets.bundle import BundleTarget


class State(Enum):
    """How a rule ended on a target."""

    PASS = "pass"  # noqa: S105 - a state, not a password
    FAIL = "fail"
    ERROR = "error"
    NOT_APPLICABLE = "not_applicable"
    WAIVED = "waived"


class Covered(Struct, frozen=True, kw_only=True):
    """A target that was read, by its name as the user gave it."""

    kind: TargetKind
    name: str
    digests: dict[str, str]
    """SHA-256 by part: every file of a bundle by its path in there (``card.yaml``), any other target by its kind; of
    manifests also each image that they run, as ``image/<registry>/<name>``."""


class Unreadable(Struct, frozen=True, kw_only=True):
    """A target that was named and could not be read, so that nothing about it was judged."""

    kind: TargetKind
    name: str
    place: Place
    message: str


class Case(Struct, frozen=True, kw_only=True):
    """One rule on one target."""

    rule: Rule
    target: str
    state: State
    basis: Basis
    blocking: bool
    """Whether this case alone stops the release under the run's profile."""
    findings: tuple[Finding, ...] = ()
    note: str | None = None
    """What a pass established, why a rule was not applicable, or what an error was."""
    waiver: str | None = None
    """The waiver that covers the findings, when the state is `waived`."""
    upcoming: date | None = None
    """The date from which the duty behind a failure applies, when that is later than the date of the run."""


class Skipped(Struct, frozen=True, kw_only=True):
    """A rule that was not evaluated, and the target that was not named for it."""

    rule: Rule
    reason: str


class WaiverUse(Struct, frozen=True, kw_only=True):
    """What became of one waiver in this run."""

    id: str
    rule: str
    state: str
    """``used``, ``unused``, ``expired``, ``not yet in force`` or ``not for this target``."""
    expires: date
    reason: str
    place: Place


class Report(Struct, frozen=True, kw_only=True):
    """Everything that one run found."""

    version: str
    """Of Countersign."""
    pack_digest: str
    """SHA-256 over the rules and the law that were applied."""
    profile: Profile
    as_of: date
    law: LawPack
    targets: tuple[Covered, ...]
    cases: tuple[Case, ...]
    unreadable: tuple[Unreadable, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    waivers: tuple[WaiverUse, ...] = ()
    notices: tuple[str, ...] = ()
    """What a reader must be told whatever the outcome: ``approved with a demonstration key: no human approval``."""
    bundles: tuple[BundleTarget, ...] = ()
    """The bundles that were read, in the order in which they were named."""
    pages: dict[str, str] = {}
    """The page of each rule that was asked, by rule id."""

    @property
    def complete(self) -> bool:
        """Whether everything that was named was judged, and something was."""
        judged = any(case.state is not State.NOT_APPLICABLE for case in self.cases)
        return judged and not self.unreadable and all(case.state is not State.ERROR for case in self.cases)

    @property
    def passed(self) -> bool:
        """Whether the run is complete and nothing blocks."""
        return self.complete and not any(case.blocking for case in self.cases)
