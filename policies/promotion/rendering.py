# SPDX-License-Identifier: Apache-2.0
"""The chart rendered for one release under one verdict, by the real helm.

The verdict is about the objects and stands in some of them, so they are rendered twice: as a draft that is judged, and
under the verdict. Neither the gate's own objects nor the annotation that names the verdict are part of the manifests
digest, and so it is one digest for both.
"""

import json
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

from contracts.release import verdict_digest
from policies.promotion.release import Release
from policies.targets.bundle import BundleTarget
from policies.targets.chart import render
from policies.targets.manifest import Manifest
from policies.targets.manifest_files import refuse_twins
from policies.targets.manifests_digest import manifests_digest


class Under(NamedTuple):
    """What a rendering says of the verdict that it is under."""

    text: str
    resource_uri: str
    manifests: str


DRAFT: Final = Under("no verdict yet\n", "", "")


def rendered(release: Release, bundle: BundleTarget, under: Under, helm: Path | None = None) -> tuple[Manifest, ...]:
    """Every object. Raises TargetUnreadable, and CannotEvaluate without helm."""
    with tempfile.TemporaryDirectory(prefix="countersign-values-") as scratch:
        own = []
        for name, values in (("settings", release.settings), ("release", _values(release, bundle, under))):
            file = Path(scratch) / f"{name}.json"
            file.write_text(json.dumps(values), "utf-8")
            own.append(file)
        files = (*(Path(file) for file in release.values), *own)
        objects = render(Path(release.chart), files, helm, release.namespace)
    refuse_twins(objects)
    return objects


def digest_of(objects: tuple[Manifest, ...]) -> str:
    """The manifests digest. Raises ContractError."""
    return manifests_digest(item.value for item in objects)


def _values(release: Release, bundle: BundleTarget, under: Under) -> dict[str, Any]:
    """What comes from the bundle, the images and the verdict, and from nobody's hand."""
    card = bundle.card
    images = {part: release.image(part) for part in release.images}
    return {
        "release": {
            "model": {"id": card.model_id, "version": card.version, "artifactFile": card.artifact.file},
            "card": f"sha256:{bundle.card_digest}",
            "artifact": f"sha256:{bundle.digest(card.artifact.file)}",
            "verdict": f"sha256:{verdict_digest(under.text.encode())}",
        },
        "images": {
            part: {"repository": image.name, "tag": "", "digest": f"sha256:{image.digest}"}
            for part, image in images.items()
            if image is not None
        },
        "gate": {
            "enabled": True,
            "verdictText": under.text,
            "resourceUri": under.resource_uri,
            "manifests": under.manifests,
        },
    }
