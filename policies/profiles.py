# SPDX-License-Identifier: Apache-2.0
"""Profiles: which severities stop a release, and what else an environment insists on."""

from typing import Final

from msgspec import Struct

from policies.rules.rule import Severity


class Profile(Struct, frozen=True):
    """An environment's strictness. A failure below the blocking severities is reported all the same."""

    name: str
    blocking: frozenset[Severity]
    any_demonstration_key: bool
    """Whether a demonstration key may approve any bundle; else only those listed beside it."""
    may_skip_recomputation: bool
    reported_only: frozenset[str] = frozenset()
    """Rules whose failures are shown and never block here: nobody approves what is still being made."""


_APPROVALS: Final = frozenset({"APPR-001", "APPR-002", "APPR-003", "APPR-004"})

PROFILES: Final = {
    "dev": Profile("dev", frozenset({Severity.CRITICAL}), True, True, _APPROVALS),
    "staging": Profile("staging", frozenset({Severity.CRITICAL, Severity.HIGH}), True, False),
    "prod": Profile("prod", frozenset({Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM}), False, False),
}
