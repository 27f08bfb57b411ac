# SPDX-License-Identifier: Apache-2.0
"""The list of allowed releases, as the data of one ConfigMap; the admission policies of the chart read it.

An entry is one line of words. ``card=``, ``artifact=`` and one ``image=`` for each image are what pods are compared
with; ``verdict=`` and ``since=`` say to people why it is there. Its key is the SHA-256 of the words that are compared,
so that a release which is allowed again takes no second entry. ``current`` repeats the line of the release that may be
deployed. No entry is ever taken away here: any of them may be what a pod that still has to be started was made from.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from contracts.errors import CountersignError
from contracts.image import Image

CURRENT: Final = "current"
MAX_ENTRIES: Final = 400
"""Each pod that is created is compared with every entry, within what the API server lets an expression cost."""


class AllowedListFull(CountersignError):
    """Another release cannot be allowed until entries that nothing runs any more are taken away."""


class Allowance(NamedTuple):
    """What a release runs; digests are 64 hex digits."""

    card: str
    artifact: str
    images: tuple[Image, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """What the annotations and images of a pod have to be among."""
        images = sorted({f"image={image.name}@sha256:{image.digest}" for image in self.images})
        return (f"card=sha256:{self.card}", f"artifact=sha256:{self.artifact}", *images)


def allow(data: Mapping[str, str], allowance: Allowance, verdict: str, now: dt.datetime) -> dict[str, str]:
    """The data with this release allowed and current; the same data where it already is. Raises AllowedListFull."""
    words = allowance.words
    key = hashlib.sha256(" ".join(words).encode()).hexdigest()
    line = data.get(key, "")
    if not line.startswith(" ".join(words)):
        line = " ".join((*words, f"verdict=sha256:{verdict}", f"since={now:%Y-%m-%dT%H:%M:%SZ}"))
    changed = {**data, key: line, CURRENT: line}
    if key not in data and len(changed) - 1 > MAX_ENTRIES:
        raise AllowedListFull(
            f"the list holds {MAX_ENTRIES} releases, and none is ever taken away by itself; have the platform remove "
            "entries that no ReplicaSet needs any more, the oldest `since=` first"
        )
    return changed
