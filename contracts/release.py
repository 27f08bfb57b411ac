# SPDX-License-Identifier: Apache-2.0
"""The release: which artifact, card, verdict, commit and images a process runs; all its pods share one digest."""

import hashlib
import json
from typing import NamedTuple

from contracts import semconv
from contracts.canonical import canonical_digest


class Release(NamedTuple):
    """Digests are 64 hex digits; what is unknown is None and left out of the digest."""

    artifact: str | None = None
    card: str | None = None
    verdict: str | None = None
    commit: str | None = None
    images: tuple[str, ...] | None = None

    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the known parts, 64 hex digits."""
        known = {name: value for name, value in self._asdict().items() if value is not None}
        if self.images is not None:
            known["images"] = sorted(self.images)
        return canonical_digest(known)

    def attributes(self) -> dict[str, str]:
        """The known parts as attributes of the stream's first record."""
        parts = {
            semconv.RELEASE_ARTIFACT: self.artifact,
            semconv.RELEASE_CARD: self.card,
            semconv.RELEASE_VERDICT: self.verdict,
            semconv.RELEASE_COMMIT: self.commit,
            semconv.RELEASE_IMAGES: None if self.images is None else json.dumps(sorted(self.images)),
        }
        return {name: value for name, value in parts.items() if value is not None}


def verdict_digest(envelope: bytes) -> str:
    """What names a verdict in a release and in a deployment's annotation: SHA-256 of its envelope, 64 hex digits."""
    return hashlib.sha256(envelope).hexdigest()
