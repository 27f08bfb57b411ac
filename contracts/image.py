# SPDX-License-Identifier: Apache-2.0
"""Images as pods, verdicts and the admission policy name them: ``registry/name:tag@sha256:…``. A tag means nothing."""

import re
from typing import Any, Final, NamedTuple

_IMAGE: Final = re.compile(r"(?P<name>[a-z0-9][^\s@]*)@sha256:(?P<digest>[0-9a-f]{64})")
_TAG: Final = re.compile(r":[\w][\w.-]*$")


class Image(NamedTuple):
    """``name`` without its tag, ``digest`` 64 hex digits."""

    name: str
    digest: str

    @property
    def subject(self) -> str:
        """What a verdict calls it; the folder keeps it apart from files of bundles and from manifests."""
        return f"image/{self.name}"


def parse_image(text: Any) -> Image | None:
    """An image that is named by its digest; None for anything else."""
    named = _IMAGE.fullmatch(text) if isinstance(text, str) else None
    return Image(_TAG.sub("", named["name"]), named["digest"]) if named else None
