# SPDX-License-Identifier: Apache-2.0
"""`GET /governance/model-card`: the card that the answers rest on, as JSON with its digest or as the very file."""

from typing import Any

import msgspec

from contracts.bundle import Bundle
from service.web.problems import RequestRefused
from service.web.reply import Reply


class CardRoutes:
    """The digest is the SHA-256 of the card's bytes, which `?format=yaml` gives."""

    def __init__(self, bundle: Bundle) -> None:
        card: dict[str, Any] = msgspec.to_builtins(bundle.card)
        self._json = Reply(200, msgspec.json.encode({**card, "digest": bundle.card_digest}))
        self._yaml = Reply(200, bundle.card_bytes, {"Content-Type": "application/yaml"})

    def card(self, form: str | None) -> Reply:
        """The card in one of its forms. Raises RequestRefused for one that does not exist."""
        if form in (None, "json"):
            return self._json
        if form == "yaml":
            return self._yaml
        if form == "cyclonedx":
            raise RequestRefused(400, "format", "format=cyclonedx is not offered yet; use json or yaml")
        raise RequestRefused(400, "format", "format must be json or yaml")
