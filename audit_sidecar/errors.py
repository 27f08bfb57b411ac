# SPDX-License-Identifier: Apache-2.0
"""What can go wrong while evidence is kept, split by what the sender should do about it."""

from contracts.errors import CountersignError


class AuditError(CountersignError):
    """Anything the sidecar refuses."""


class Refused(AuditError):
    """The export is wrong and stays wrong: it must not be sent again as it is."""


class Conflict(Refused):
    """A sequence number that was acknowledged before comes again with other content."""


class Pushback(AuditError):
    """Nothing of the export was kept and it may be sent again: a queue is full, the disk is full."""


class StoreAway(Pushback):
    """The store cannot be reached now; nothing of the export is known to be kept, and a repeat will be recognised."""


class HeadMoved(AuditError):
    """Somebody else appended first, so that nothing of this commit was kept: plan it again on the log as it is now."""


class OutcomeUnknown(AuditError):
    """The reply to a commit was lost. It was kept whole or not at all; only reading the log tells which."""


class Fatal(AuditError):
    """What is durable is no longer known, so the process must end; the next one reads it from the store."""


class StoreRefused(AuditError):
    """A store that cannot be opened, or that must not be: another origin, another key, an older state."""
