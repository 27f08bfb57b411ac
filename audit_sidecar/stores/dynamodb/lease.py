# SPDX-License-Identifier: Apache-2.0
"""The publisher's lease: an item that its holder keeps changing; whoever sees it stand still for long takes it over.

No clock is compared with another machine's: a wrong one neither takes the lease away nor keeps it. The lease says who
signs, so that not all do it at once; that no two roots are signed for one size does not rest on it.
"""

import os
import time
from collections.abc import Callable
from typing import Final

from audit_sidecar.stores.dynamodb.index_keys import PUBLISHER
from audit_sidecar.stores.dynamodb.requests import ConditionFailed, Item, Requests

SECONDS: Final = 3.0
_NOBODY: Final = "-"


class Lease:
    """One sidecar's view of it. ``clock`` is monotonic, in seconds."""

    def __init__(self, requests: Requests, me: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._requests = requests
        self._state = requests.location.state
        self._me = me
        self._clock = clock
        self._held = False
        self._seen: Item | None = None
        self._since = 0.0

    def hold(self) -> bool:
        """Take or renew it; whether it is held now."""
        if self._held:
            self._held = self._write(self._me, "#a0 = :me", me={"S": self._me})
            if self._held:
                return True
        found = self._requests.get(self._state, PUBLISHER)
        if found is None:
            self._held = self._write(self._me, "attribute_not_exists(#a0)")
            return self._held
        beat, now = found.get("beat"), self._clock()
        if beat != self._seen:
            self._seen, self._since = beat, now
        if found.get("holder") in ({"S": self._me}, {"S": _NOBODY}) or now - self._since >= SECONDS:
            # An item without a beat is no sidecar's, and its like would otherwise stand for ever.
            same = "attribute_not_exists(#a1)" if beat is None else "#a1 = :seen"
            self._held = self._write(self._me, same, **({} if beat is None else {"seen": beat}))
        return self._held

    def leave(self) -> None:
        """Leave it to whoever comes next."""
        if self._held:
            self._held = False
            self._write(_NOBODY, "#a0 = :me", me={"S": self._me})

    def _write(self, holder: str, condition: str, **bound: object) -> bool:
        values = {"holder": {"S": holder}, "beat": {"S": os.urandom(8).hex()}}
        try:
            self._requests.update(self._state, PUBLISHER, values, condition, **bound)
        except ConditionFailed:
            return False
        return True
