# SPDX-License-Identifier: Apache-2.0
"""What comes into the sequencer: exports from outside and records of the sidecar's own."""

from collections.abc import Mapping
from typing import NamedTuple

from contracts.otlp import AttributeValue
from contracts.payload import Payload
from contracts.prediction_layout import Facts


class Export(NamedTuple):
    """One OTLP export, kept whole or not at all. ``producer`` None = a stranger. ``size`` is its bytes.

    ``facts`` are those of each payload where all are predictions in the service's layout, else None.
    """

    producer: str | None
    payloads: tuple[Payload, ...]
    size: int
    facts: tuple[Facts, ...] | None = None

    @property
    def records(self) -> int:
        """How many records it asks for."""
        return len(self.payloads)


class OwnRecord(NamedTuple):
    """One record for the sidecar's own stream."""

    kind: str
    attributes: Mapping[str, AttributeValue]
    size: int = 1024
    records: int = 1
