# SPDX-License-Identifier: Apache-2.0
"""The contract of a rule: one module with a constant `RULE`, a pure function `check`, and a docstring that is its page.

``check(target, run)`` gives a `Judgement` of one target of the kind that `RULE.over` names. It reads no file, no clock
and no network: everything comes from the target and from `Run`. A rule that raises is an error, and an error blocks.

The docstring has a title line and the sections *What it checks*, *Why*, *Reference*, *Fails* and *Passes*; the YAML in
the last two is run as a test (see docs/rules.md).
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from policies.rules.judgement import Judgement

TargetKind = Literal["bundle", "recomputation", "manifests", "argocd", "infra", "repository", "governance"]


class Severity(Enum):
    """How bad a failure is. Which severities block is the profile's to say."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for critical, 3 for low: worst first."""
        return list(Severity).index(self)


class Control(Struct, frozen=True):
    """A point of a law or standard that the rule bears on; ``framework`` is a key of the law pack (`policies/law`)."""

    framework: str
    """Such as ``eu-ai-act``."""
    reference: str
    """Such as ``Article 15(3)``, spelled as in the pack."""


class Rule(Struct, frozen=True, kw_only=True):
    """What is fixed about a rule."""

    id: str
    """``FAM-NNN``, never used again for something else."""
    title: str
    """What holds when the rule passes, as a sentence without a full stop."""
    severity: Severity
    over: TargetKind
    needs: tuple[TargetKind, ...] = ()
    """Other targets without which the rule cannot judge; where one was not named, it is not evaluated."""
    waivable: bool = True
    since: str = "0.2.0"
    controls: tuple[Control, ...]
    remediation: str
    """How to mend a failure: imperative, with a minimal diff where a file is to change."""
    duty: str | None = None
    """Key of a dated duty of the law pack: until its date a failure is upcoming, and blocks at tier high only."""


class RuleModule(NamedTuple):
    """A rule as loaded: its constant, its function, its page and the file it came from."""

    rule: Rule
    check: Callable[[Any, Any], Judgement]
    page: str
    file: str
