# SPDX-License-Identifier: Apache-2.0
"""Whether an environment's folder is what its verdict is about: verify the verdict, render again, compare every file.

Rules are not asked here: that was done when the verdict was signed. The gate's own objects, which no manifests digest
covers, are compared like all others.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from contracts.verification_step import Step
from policies.promotion.environment import changes
from policies.promotion.promotion import folder_of, read_verdict, verdict_files
from policies.promotion.release import Release
from policies.promotion.rendering import DRAFT, Under, digest_of, rendered
from policies.rules.kubernetes.image_digest import image_subjects
from policies.runner.reading import bundle_digests
from policies.targets.argocd import read_argocd
from policies.targets.bundle import BundleTarget, read_bundle
from policies.targets.manifests import Manifests
from policies.verdict.signing_keys import PublicKey, key_id
from policies.verdict.statement import Summary
from policies.verdict.verification import Wanted, verify_verdict


class Comparison(NamedTuple):
    """The steps of the verification, and what differs between the folder and what it has to be."""

    steps: list[Step]
    differences: list[str]


def compare(
    release: Release, there: Mapping[str, bytes], key: PublicKey, now: dt.datetime, helm: Path | None = None
) -> Comparison:
    """Compare a folder's files with what its verdict is about. Raises CannotEvaluate and TargetUnreadable."""
    verdicts = verdict_files(there)
    envelope, summary = read_verdict(verdicts, key)
    bundle = read_bundle(release.bundle)
    draft = rendered(release, bundle, DRAFT, helm)
    manifests = Manifests(name=release.chart, objects=draft, digest=digest_of(draft))
    wanted = Wanted(subjects=_subjects(release, bundle, manifests), now=now, levels=tuple(_levels(release)))
    steps = verify_verdict(envelope, {key_id(key): key}, wanted)
    under = Under(envelope.decode("ascii"), summary.resource_uri, manifests.digest)
    made = folder_of(release, bundle, verdicts, under, helm)
    return Comparison(steps, [*changes(made, there), *_companions(summary, verdicts)])


def _subjects(release: Release, bundle: BundleTarget, manifests: Manifests) -> dict[str, str]:
    folder = f"{bundle.card.model_id}/{bundle.card.version}"
    subjects = {f"{folder}/{file}": digest for file, digest in bundle_digests(bundle).items()}
    subjects |= {"manifests": manifests.digest, **image_subjects(manifests)}
    return subjects | ({"argocd": read_argocd(release.argocd).digest} if release.argocd else {})


def _levels(release: Release) -> Iterator[str]:
    yield f"COUNTERSIGN_PROFILE_{release.profile.upper()}"
    yield "COUNTERSIGN_MANIFESTS_JUDGED"
    if release.argocd:
        yield "COUNTERSIGN_ARGOCD_JUDGED"


def _companions(summary: Summary, verdicts: Mapping[str, bytes]) -> Iterator[str]:
    """Beside the verdict lies the file of results that it names, and nothing else."""
    said = {item.uri: item.digest.get("sha256") for item in summary.input_attestations}
    for name, content in verdicts.items():
        if not name.endswith(".vsa.intoto.jsonl") and said.get(name) != hashlib.sha256(content).hexdigest():
            yield f"~ verdict/{name}"
    if len(verdicts) < 2:
        yield "- verdict/*.test-result.intoto.jsonl"
