# SPDX-License-Identifier: Apache-2.0
"""What a store may be told ahead, or says, for one where look-ups and writes are requests; others need none of it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from audit_sidecar.stores.store import NewRecord


class SpanIds(NamedTuple):
    """What a foreign span is recognised by."""

    trace: bytes
    span: bytes


@runtime_checkable
class Stages(Protocol):
    """A writer that keeps payloads apart from the commit, and can do so while others append."""

    @property
    def most_resource(self) -> int:
        """Bytes that it keeps of a stream's Resource and scope."""

    @property
    def linger(self) -> float:
        """Seconds for which a group is best left to gather, for its turn is far off. Asked from any thread."""

    def stage(self, records: int, plan: Callable[[], Sequence[NewRecord]]) -> None:
        """Get ready for the next turn, with about so many records.

        ``plan`` gives them as they will be, unless the log has news of them.

        Whoever calls it goes on to take a turn. It promises nothing: what is not staged is kept with the commit.
        Pushback when the store says no.
        """


@runtime_checkable
class Expects(Protocol):
    """A reader that looks many spans up at once."""

    def expect(self, spans: Sequence[SpanIds]) -> None:
        """This thread asks `StoreReader.by_ids` for these foreign spans next. Pushback when the store says no."""
