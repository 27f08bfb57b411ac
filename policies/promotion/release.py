# SPDX-License-Identifier: Apache-2.0
"""``environments/<environment>.yaml``: what an environment is to run. People write it, promotion makes the folder.

Paths are as seen from where the command runs, as those of `check` are.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from contracts.image import Image, parse_image
from contracts.model_card_serving import Text
from contracts.yaml_document import YamlInvalid, convert_yaml
from policies.errors import CannotEvaluate
from policies.profiles import PROFILES
from policies.verdict.verdicts import MAX_VALID_DAYS

_Label = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class Release(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is promoted, how strictly it is judged, and by which key it has to be signed."""

    schema: Literal["countersign.dev/environment/v1"]
    bundle: Text
    """Folder ``models/<id>/<version>``."""
    images: dict[Literal["service", "sidecar", "gate"], Text]
    """``registry/name@sha256:…`` by what runs it; the rendering may run no other."""
    namespace: _Label
    profile: str
    """dev, staging or prod."""
    public_key: Text
    """PEM file of the key that verdicts of this environment are verified with."""
    chart: Text = "charts/countersign"
    values: tuple[Text, ...] = ()
    """Values files, the later over the earlier."""
    settings: dict[str, Any] = {}
    """Values over those of the files."""
    argocd: Text | None = None
    """Folder of Argo CD's objects, if they are judged, too."""
    valid_days: Annotated[int, Meta(ge=1, le=MAX_VALID_DAYS)] = 30

    def image(self, part: str) -> Image | None:
        """One of the images; None where it is not named."""
        return parse_image(self.images.get(part))  # type: ignore[call-overload]


def read_release(file: Path) -> Release:
    """Read what an environment is to run. Raises CannotEvaluate with file, line and column."""
    try:
        data = file.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CannotEvaluate(f"cannot read {file}: {reason}; it says what the environment is to run") from None
    try:
        release = convert_yaml(data, str(file), Release)
    except YamlInvalid as error:
        raise CannotEvaluate(str(error)) from None
    if release.profile not in PROFILES:
        raise CannotEvaluate(f"{file}: there is no profile {release.profile!r}; choose {', '.join(sorted(PROFILES))}")
    for part, text in release.images.items():
        if parse_image(text) is None:
            raise CannotEvaluate(f"{file}: images.{part} is not registry/name@sha256: and 64 lower-case hex digits")
    if missing := {"service", "sidecar"} - set(release.images):
        raise CannotEvaluate(f"{file}: images.{min(missing)} is missing; name what was built, by its digest")
    return release
