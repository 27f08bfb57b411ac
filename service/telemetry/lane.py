# SPDX-License-Identifier: Apache-2.0
"""What the service asks of its telemetry; `service.telemetry.sdk_lane.SdkLane` is the real one."""

from collections.abc import Mapping
from typing import Protocol

from service.telemetry.exchange import Exchange


class Lane(Protocol):
    """No method raises, and none waits for a Collector but `close`, for a bounded time."""

    def record(self, exchange: Exchange) -> None:
        """One exchange is over; called on the event loop, after the answer was sent."""

    def counts(self) -> Mapping[str, int]:
        """Spans by what became of them: exported, failed, dropped."""

    def close(self, seconds: float) -> None:
        """Send what waits, for at most so long; the rest is lost."""
