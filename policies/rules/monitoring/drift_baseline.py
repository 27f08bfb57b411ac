# SPDX-License-Identifier: Apache-2.0
"""MON-002: the drift baseline is there, is the card's, and describes the inputs that the model takes.

## What it checks
`monitoring.drift_baseline` names an evidence file of the bundle whose bytes have the digest on the card. It is JSON
with the card's features, all of them, in their order and of their types; shares that are shares and add up to one;
the number of rows that were trained on; and the card's labels.

## Why
Drift is a distance from something. A baseline of another schema or another training measures a distance from nothing.

## Reference
AI Act Article 72(2): data on performance is collected and analysed over the whole life. NIST AI RMF MEASURE 2.4.

## Fails
No baseline is named, it is no evidence file, another file, or of other inputs.
```yaml
monitoring: {drift_baseline: null}
```
```yaml
monitoring: {drift_baseline: evidence/drift.json}
```
```yaml
monitoring: {drift_baseline: evidence/explanation.json}
```
```yaml
evaluation: {train_rows: 5000}
```

## Passes
The reference card as it is.
```yaml
{}
```
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from policies.rules.answers import finding
from policies.rules.judgement import Finding, Judgement, failed, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="MON-002",
    title="the drift baseline is there, is the card's, and describes the inputs that the model takes",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 72(2)"),
        Control("nist-ai-rmf", "MEASURE 2.4"),
    ),
    remediation="Train the bundle again, which writes the baseline, and name it:\n\n"
    "+ monitoring:\n+   drift_baseline: evidence/drift-baseline.json",
)
_PATH: Final = ("monitoring", "drift_baseline")
_ROUNDING: Final = 1e-9


class _Feature(Struct, frozen=True):
    """What the baseline says of one input."""

    name: str
    type: str
    shares: dict[str, float] | list[float]


class _Baseline(Struct, frozen=True):
    """The parts of a baseline that are compared with the card."""

    rows: int
    features: list[_Feature]
    labels: dict[str, float]


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """The file is read and compared; that training rows looked so is shown by training again."""
    file = None if bundle.card.monitoring is None else bundle.card.monitoring.drift_baseline
    if file is None:
        return failed(finding(bundle, _PATH, "monitoring.drift_baseline is missing", "an evidence file of the bundle"))
    digest = next((item.sha256 for item in bundle.card.evidence or () if item.file == file), None)
    if digest is None:
        return failed(
            finding(bundle, _PATH, "the drift baseline is no evidence file of the bundle", "a file listed there", file)
        )
    if bundle.digest(file) != digest:
        message = f"{file} is not the file that the card was written for"
        return failed(finding(bundle, _PATH, message, f"SHA-256 {digest}", bundle.digest(file)))
    try:
        baseline = msgspec.json.decode(bundle.files[file], type=_Baseline)
    except msgspec.DecodeError as error:
        wanted = "JSON with rows, features and labels"
        return failed(finding(bundle, _PATH, f"{file} is no drift baseline: {error}", wanted, file))
    note = f"{file}: {len(baseline.features)} features as on the card, {baseline.rows} rows"
    return judged(_differences(bundle, baseline), verified(note))


def _differences(bundle: BundleTarget, baseline: _Baseline) -> Iterator[Finding]:
    card = bundle.card
    wanted = [f"{feature.name}: {feature.type}" for feature in card.features]
    found = [f"{feature.name}: {feature.type}" for feature in baseline.features]
    if wanted != found:
        odd = [name for name in (*found, *wanted) if (name in found) != (name in wanted)]
        about = ", ".join(odd) or "their order"
        yield finding(bundle, _PATH, f"the baseline's features are not the model's: {about}", str(wanted), found)
    trained = None if card.evaluation is None else card.evaluation.train_rows
    if trained != baseline.rows:
        yield finding(bundle, _PATH, "the baseline is not of the rows trained on", f"{trained} rows", baseline.rows)
    if set(baseline.labels) != set(card.output.labels):
        yield finding(
            bundle, _PATH, "the baseline's labels are not the model's", ", ".join(card.output.labels),
            ", ".join(baseline.labels),
        )  # fmt: skip
    described = [(feature.name, feature.shares) for feature in baseline.features]
    for name, shares in (*described, ("labels", baseline.labels)):
        values = list(shares.values()) if isinstance(shares, dict) else shares
        if not _are_shares(values):
            yield finding(bundle, _PATH, f"the shares of {name} do not add up to 1", "shares of one whole", sum(values))


def _are_shares(values: Sequence[float]) -> bool:
    return all(0 <= value <= 1 for value in values) and math.isclose(sum(values), 1, rel_tol=0, abs_tol=_ROUNDING)
