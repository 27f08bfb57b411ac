# SPDX-License-Identifier: Apache-2.0
"""Names by which a deployment says what it runs. Chart, gate, admission policy and service read the same ones."""

from typing import Final

ARTIFACT_ANNOTATION: Final = "countersign.dev/artifact"
"""On a pod template: SHA-256 of the artifact in the image, ``sha256:`` and 64 hex digits."""
CARD_ANNOTATION: Final = "countersign.dev/card"
"""On a pod template: SHA-256 of the card in the image, ``sha256:`` and 64 hex digits."""
GATE_LABEL: Final = "countersign.dev/gate"
"""On the gate's own objects, which carry the verdict and so cannot be part of what it is about."""
MONITOR_ANNOTATION: Final = "countersign_monitor"
"""On an alert: the ``metric`` of the card's monitor that it watches, word for word; a name without slash and dot."""
VERDICT_ANNOTATION: Final = "countersign.dev/verdict"
"""On a pod template: SHA-256 of the verdict's envelope, ``sha256:`` and 64 hex digits."""
