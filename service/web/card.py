# SPDX-License-Identifier: Apache-2.0
"""`GET /governance/model-card`: the card behind the answers, as JSON with its digest, as the very file, or as a BOM.

The bill of materials is CycloneDX 1.7, the same that the gate writes of the same card.
"""

from typing import Any

import msgspec

from contracts.bundle import Bundle
from contracts.cyclonedx import MEDIA_TYPE, Model, ml_bom
from service.web.problems import RequestRefused
from service.web.reply import Reply


class CardRoutes:
    """The digest is the SHA-256 of the card's bytes, which `?format=yaml` gives."""

    def __init__(self, bundle: Bundle) -> None:
        card: dict[str, Any] = msgspec.to_builtins(bundle.card)
        self._json = Reply(200, msgspec.json.encode({**card, "digest": bundle.card_digest}))
        self._yaml = Reply(200, bundle.card_bytes, {"Content-Type": "application/yaml"})
        self._bom = Reply(200, ml_bom([Model(bundle.card, bundle.card_digest)]), {"Content-Type": MEDIA_TYPE})

    def card(self, form: str | None) -> Reply:
        """The card in one of its forms. Raises RequestRefused for one that does not exist."""
        if form in (None, "json"):
            return self._json
        if form == "yaml":
            return self._yaml
        if form == "cyclonedx":
            return self._bom
        raise RequestRefused(400, "format", "format must be json, yaml or cyclonedx")
