# SPDX-License-Identifier: Apache-2.0
"""Settings of the gate: what a team fixes once, in a file under review, instead of on every command line."""

from msgspec import Struct


class GateSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of ``countersign check`` and ``countersign attest``."""

    profile: str = "prod"
    """Which severities block: dev, staging or prod."""
    governance: str = "governance"
    """Folder of approvers, approvals and waivers."""
    rules: list[str] = []
    """Folders of your own rules."""
