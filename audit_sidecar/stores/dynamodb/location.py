# SPDX-License-Identifier: Apache-2.0
"""A store URL of DynamoDB, taken apart: ``dynamodb://prefix?region=R``; the prefix names the three tables."""

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from audit_sidecar.errors import StoreRefused

SCHEME: Final = "dynamodb://"
_PREFIX = re.compile(r"[A-Za-z0-9_.-]{1,200}")


class Location(NamedTuple):
    """Where the log is."""

    prefix: str
    region: str | None
    """None leaves it to the environment, as any AWS program does."""

    @property
    def log(self) -> str:
        """The table that only grows: one item a commit."""
        return f"{self.prefix}-log"

    @property
    def payload(self) -> str:
        """The table of payloads, which the eraser may rewrite."""
        return f"{self.prefix}-payload"

    @property
    def state(self) -> str:
        """The table of what changes: lease, checkpoint, index."""
        return f"{self.prefix}-state"


def parse_location(url: str) -> Location:
    """Read the URL. StoreRefused."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    region = options.pop("region", None)
    if parts.scheme != "dynamodb" or not _PREFIX.fullmatch(parts.netloc) or parts.path not in ("", "/") or options:
        raise StoreRefused(f"store {url!r}: want dynamodb://prefix?region=eu-west-1; the prefix names the tables")
    return Location(parts.netloc, region)
