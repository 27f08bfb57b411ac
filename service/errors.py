# SPDX-License-Identifier: Apache-2.0
"""What the service refuses, by cause. `service.web` alone turns these into HTTP, the command into an exit code."""

from typing import Final

from contracts.errors import CountersignError

WITHHELD_REASONS: Final = ("refused", "deadline", "failed")
"""Refused before predicting; not durable before the deadline; the stream cannot go on."""


class ConnectionFailed(CountersignError):
    """A neighbour could not be reached, or gave no whole answer in time."""


class EvidenceFatal(CountersignError):
    """The receiver refused evidence for good: this stream cannot go on, only a new process can."""


class AnswerWithheld(CountersignError):
    """Evidence of an answer could not be made durable in time. ``reason`` is one of `WITHHELD_REASONS`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
