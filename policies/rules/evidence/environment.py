# SPDX-License-Identifier: Apache-2.0
"""EVID-003: what the figures were made with is recorded, so that they can be made again.

## What it checks
Seed, confidence, resamples (at least 100) and bins are on the card, and the exact version of Python, NumPy, ONNX
Runtime and of whatever fitted the model. The artifact answers as the fitted model did: the largest difference is within
the tolerance, which is at most 1e-3, over all evaluation rows. A lock file or an image is pinned by its digest where
the card names one, and at tier high it names one.

## Why
A library's next version may split, draw or round differently. Without versions and seed a figure that comes out
otherwise proves nothing.

## Reference
NIST AI RMF MEASURE 2.1 has tools documented; ISO/IEC 42001 A.4.4 has the tooling resources of an AI system documented.
That the versions are those which ran is the card's word; PERF-001 shows that the seed is.

## Fails
```yaml
evaluation: {seed: null}
```
No version at all:
```yaml
evaluation: {libraries: {numpy: latest}}
```
An artifact that is not the model that was fitted:
```yaml
evaluation: {equivalence: {max_difference: 0.25}}
```
Compared on fewer rows than were evaluated:
```yaml
evaluation: {equivalence: {rows: 10}}
```
At tier high nothing is pinned:
```yaml
governance_tier: High Risk
evaluation: {lock_sha256: null, image: null}
```

## Passes
```yaml
{}
```
"""

import re
from collections.abc import Iterator
from typing import Final

from contracts.model_card_evidence import Evaluation
from policies.classification import Tier, strictest_tier
from policies.rules.judgement import Finding, Judgement, failed, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="EVID-003",
    title="what the figures were made with is recorded, so that they can be made again",
    severity=Severity.HIGH,
    over="bundle",
    controls=(Control("nist-ai-rmf", "MEASURE 2.1"), Control("iso-42001", "A.4.4")),
    remediation="Commit the card as `countersign train` writes it: it records seed, versions and equivalence itself.",
)

_LIBRARIES: Final = ("python", "numpy", "onnxruntime")
_VERSION: Final = re.compile(r"[0-9]+(\.[0-9]+)+([.+-]?[A-Za-z0-9]+)*")
_IMAGE: Final = re.compile(r"(.*@)?sha256:[0-9a-f]{64}")
_MOST_TOLERANCE: Final = 1e-3
_LEAST_RESAMPLES: Final = 100


def check(bundle: BundleTarget, _run: Run) -> Judgement:
    """Judge what the card records of the run that made the figures."""
    evaluation = bundle.card.evaluation
    if evaluation is None:
        return failed(
            Finding(place=bundle.at("evaluation"), message="the card has no evaluation", wanted="`evaluation`")
        )
    findings = [
        *_settings(bundle, evaluation),
        *_versions(bundle, evaluation),
        *_equivalence(bundle, evaluation),
        *_pinned(bundle, evaluation),
    ]
    return judged(
        findings, self_reported(f"seed {evaluation.seed}, versions of {len(evaluation.libraries or ())} tools")
    )


def _settings(bundle: BundleTarget, evaluation: Evaluation) -> Iterator[Finding]:
    for key in ("seed", "confidence", "resamples", "calibration_bins"):
        if getattr(evaluation, key) is None:
            yield Finding(
                place=bundle.at("evaluation", key),
                message=f"evaluation.{key} is missing",
                wanted="the one that was used",
            )
    if evaluation.resamples is not None and evaluation.resamples < _LEAST_RESAMPLES:
        yield Finding(
            place=bundle.at("evaluation", "resamples"),
            message="too few resamples for an interval",
            seen=str(evaluation.resamples),
            wanted=f"at least {_LEAST_RESAMPLES}",
        )


def _versions(bundle: BundleTarget, evaluation: Evaluation) -> Iterator[Finding]:
    libraries = evaluation.libraries or {}
    for name in _LIBRARIES:
        if name not in libraries:
            yield Finding(
                place=bundle.at("evaluation", "libraries", name),
                message=f"the version of {name} is not recorded",
                wanted="the exact version that was used",
            )
    for name, version in libraries.items():
        if not _VERSION.fullmatch(version):
            yield Finding(
                place=bundle.at("evaluation", "libraries", name),
                message=f"the version of {name} is not exact",
                seen=version,
                wanted="a version such as 2.4.6",
            )


def _equivalence(bundle: BundleTarget, evaluation: Evaluation) -> Iterator[Finding]:
    equal = evaluation.equivalence
    place = bundle.at("evaluation", "equivalence")
    if equal is None:
        yield Finding(
            place=place,
            message="whether the artifact answers as the fitted model did is not recorded",
            wanted="`equivalence` as training writes it",
        )
        return
    if equal.tolerance > _MOST_TOLERANCE or equal.max_difference > equal.tolerance:
        yield Finding(
            place=bundle.at("evaluation", "equivalence", "max_difference"),
            message="the artifact does not answer as the fitted model did",
            seen=f"{equal.max_difference:g}, tolerance {equal.tolerance:g}",
            wanted=f"at most the tolerance, which is at most {_MOST_TOLERANCE:g}",
        )
    if equal.rows != evaluation.evaluation_rows:
        yield Finding(
            place=bundle.at("evaluation", "equivalence", "rows"),
            message="artifact and fitted model were not compared on the evaluation rows",
            seen=str(equal.rows),
            wanted=str(evaluation.evaluation_rows),
        )


def _pinned(bundle: BundleTarget, evaluation: Evaluation) -> Iterator[Finding]:
    if evaluation.image is not None and not _IMAGE.fullmatch(evaluation.image):
        yield Finding(
            place=bundle.at("evaluation", "image"),
            message="the image is not named by its digest",
            seen=evaluation.image,
            wanted="`sha256:` and 64 hex digits",
        )
    pinned = evaluation.image or evaluation.lock_sha256
    if pinned is None and strictest_tier(bundle.card) is Tier.HIGH:
        yield Finding(
            place=bundle.at("evaluation", "lock_sha256"),
            message="at tier high the libraries are pinned by a lock file or an image",
            wanted="`lock_sha256` or `image`",
        )
