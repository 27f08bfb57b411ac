# SPDX-License-Identifier: Apache-2.0
"""K8S-001: every container runs an image that is named by its digest.

## What it checks
Each container of each pod (init containers, native sidecars, ephemeral containers and hooks, too) names its image as
`registry/name@sha256:<64 hex digits>`. A tag may stand beside the digest and means nothing. The digest is not a
filled-in placeholder, and one image is not run at two digests by one rendering. Where the released images are named
(`--image`, or the release that is promoted), each container runs one of them.

## Why
A tag can be moved to other bytes after the gate has said yes. A digest cannot: the manifests digest that the verdict
binds then binds the very bytes that run, model and code alike. The verdict names each image as a subject of its own.

## Reference
AI Act Article 15(5): resilience against those who try to alter use or performance. NIST AI RMF MEASURE 2.7: security
and resilience are evaluated. Digest references are part of the image specification of the Open Container Initiative.

## Fails
A tag, which can be moved:
```yaml
apiVersion: v1
kind: Pod
metadata: {name: model}
spec:
  containers:
    - {name: service, image: "registry.example/model:1.0.0"}
```
A digest of nothing, in a sidecar:
```yaml
apiVersion: v1
kind: Pod
metadata: {name: model}
spec:
  initContainers:
    - name: audit
      restartPolicy: Always
      image: registry.example/sidecar@sha256:0000000000000000000000000000000000000000000000000000000000000000
  containers:
    - name: service
      image: registry.example/model@sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
```

## Passes
```yaml
apiVersion: v1
kind: Pod
metadata: {name: model}
spec:
  containers:
    - name: service
      image: registry.example/model@sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
```
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from contracts.image import Image, parse_image
from policies.place import Place
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.kubernetes.digests import is_filler
from policies.rules.kubernetes.pods import Container, pods
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.manifests import Manifests

RULE = Rule(
    id="K8S-001",
    title="every container runs an image that is named by its digest",
    severity=Severity.CRITICAL,
    over="manifests",
    waivable=False,
    controls=(Control("eu-ai-act", "Article 15(5)"), Control("nist-ai-rmf", "MEASURE 2.7")),
    remediation=(
        "Name the image by the digest that was released: "
        "- image: registry/name:tag  + image: registry/name@sha256:<64 hex digits>"
    ),
)
WANTED: Final = "registry/name@sha256: and 64 hex digits"


def check(manifests: Manifests, run: Run) -> Judgement:
    """Judge every container of every pod."""
    containers = [container for pod in pods(manifests.objects) for container in pod.containers()]
    if not containers:
        nothing = Finding(
            place=Place(manifests.name), message="the rendering makes no pod", wanted="at least one workload"
        )
        return judged([nothing], verified(""))
    found = [*_images(containers), *_twice(containers), *_unreleased(containers, run.images)]
    released = f", of {len(run.images)} that were released" if run.images else ""
    return judged(found, verified(f"{len(containers)} containers, each image by its digest{released}"))


def image_subjects(manifests: Manifests) -> dict[str, str]:
    """What a verdict is about besides the objects: each image's digest, by its name as a subject.

    Of an image at two digests one is left; such a rendering is refused.
    """
    images = (parse_image(item.get("image")) for pod in pods(manifests.objects) for item in pod.containers())
    return {image.subject: image.digest for image in images if image is not None}


def _images(containers: list[Container]) -> Iterator[Finding]:
    for container in containers:
        text = container.get("image")
        image = parse_image(text)
        if image is None:
            message = f"the image of container {container.name} is not named by its digest"
        elif is_filler(image.digest):
            message = f"the digest of the image of container {container.name} is a placeholder"
        else:
            continue
        yield Finding(place=container.at("image"), message=message, seen=_seen(text), wanted=WANTED)


def _twice(containers: list[Container]) -> Iterator[Finding]:
    """One release runs one build of an image; two are a release that was half made."""
    first: dict[str, str] = {}
    for container in containers:
        image = parse_image(container.get("image"))
        if image is not None and first.setdefault(image.name, image.digest) != image.digest:
            yield Finding(
                place=container.at("image"),
                message=f"container {container.name} runs another build of {image.name} than a container before it",
                seen=f"sha256:{image.digest}",
                wanted=f"sha256:{first[image.name]}",
                mend="render again with one digest for each image",
            )


def _unreleased(containers: list[Container], released: Iterable[Image]) -> Iterator[Finding]:
    """What runs beside the release: nobody attested it, whatever its digest."""
    known = set(released)
    for container in containers:
        image = parse_image(container.get("image"))
        if known and image is not None and image not in known:
            yield Finding(
                place=container.at("image"),
                message=f"container {container.name} runs an image that was not released",
                seen=f"{image.name}@sha256:{image.digest}",
                wanted=" or ".join(sorted(f"{each.name}@sha256:{each.digest}" for each in known)),
                mend="name the image among those of the release, or take the container out",
            )


def _seen(image: Any) -> str | None:
    return None if image is None else str(image)
