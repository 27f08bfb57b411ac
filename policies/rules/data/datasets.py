# SPDX-License-Identifier: Apache-2.0
"""DATA-001: every dataset is named so that anyone can get the same bytes, and know what may be done with them.

## What it checks
Each dataset has a role, a source, a version, rows, a licence and a period that say something, and a SHA-256. No digest
is a row of one digit, that of another dataset or that of a file of the bundle. One dataset has training in its role and
one evaluation. A version is not `latest`, and no year in the period lies ahead.

## Why
A model is made of its data. If nobody can say which data, nobody can look for what is wrong with it.

## Reference
AI Act Article 10(2)(b) asks for data collection and the origin of data; Annex IV(2)(d) for the provenance, scope and
main characteristics of the data sets. ISO/IEC 42001 A.7.3 and A.7.5 have acquisition and provenance documented. Whether
the bytes are what the text says is left to people: the gate does not have them.

## Fails
```yaml
datasets: null
```
No licence:
```yaml
datasets:
  - {name: customers, role: training and evaluation, source: the warehouse of the retailer, version: 2026-10 export,
     sha256: 863e369c3a03cea2bd20d696e572eb5fb064e04657744504deb7b6249b92f66e, rows: 7043, period: 2026-07 to 2026-09}
```
A digest that nothing has:
```yaml
datasets:
  - {name: customers, role: training and evaluation, source: the warehouse of the retailer, version: 2026-10 export,
     sha256: "0000000000000000000000000000000000000000000000000000000000000000", rows: 7043, licence: own data,
     period: 2026-07 to 2026-09}
```
A version that names another thing every day, and a period that has not been:
```yaml
datasets:
  - {name: customers, role: training and evaluation, source: the warehouse of the retailer, version: latest,
     sha256: 863e369c3a03cea2bd20d696e572eb5fb064e04657744504deb7b6249b92f66e, rows: 7043, licence: own data,
     period: 2026 to 2031}
```
Nothing was evaluated on:
```yaml
datasets:
  - {name: customers, role: training, source: the warehouse of the retailer, version: 2026-10 export,
     sha256: 863e369c3a03cea2bd20d696e572eb5fb064e04657744504deb7b6249b92f66e, rows: 7043, licence: own data,
     period: 2026-07 to 2026-09}
```

## Passes
```yaml
{}
```
```yaml
# card: telecom-churn
{}
```
"""

import re
from collections.abc import Iterator
from typing import Final

from contracts.model_card_evidence import Dataset
from policies.rules.answers import Question, finding, unanswered
from policies.rules.judgement import Finding, Judgement, failed, judged, self_reported
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import plain
from policies.run import Run
from policies.targets.bundle import BundleTarget

RULE = Rule(
    id="DATA-001",
    title="every dataset is named so that anyone can get the same bytes, and know what may be done with them",
    severity=Severity.HIGH,
    over="bundle",
    controls=(
        Control("eu-ai-act", "Article 10(2)(b)"),
        Control("eu-ai-act", "Annex IV(2)(d)"),
        Control("iso-42001", "A.7.3"),
        Control("iso-42001", "A.7.5"),
    ),
    remediation="Complete the dataset in the recipe and train again:\n+ version: …\n+ licence: …\n+ period: …",
)

_MOVING: Final = frozenset({"latest", "current", "newest", "head", "main", "master", "any", "recent", "live"})
_YEAR: Final = re.compile(r"\b(?:19|20|21)[0-9]{2}\b")


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Judge each dataset, and what they are for together."""
    datasets = bundle.card.datasets or ()
    if not datasets:
        return failed(
            finding(bundle, ("datasets",), "the card names no dataset", "what it was trained and evaluated on")
        )
    findings = [item for place, dataset in enumerate(datasets) for item in _dataset(bundle, place, dataset, run)]
    findings += [*_roles(bundle), *_digests(bundle)]
    return judged(findings, self_reported(f"{len(datasets)} datasets with digest, version, licence and period"))


def _dataset(bundle: BundleTarget, place: int, dataset: Dataset, run: Run) -> Iterator[Finding]:
    def path(key: str) -> tuple[str | int, ...]:
        return ("datasets", place, key)

    for key, text, wanted in (
        ("role", dataset.role, "training, evaluation, or both"),
        ("source", dataset.source, "where it can be got"),
        ("licence", dataset.licence, "the terms, or that none are known"),
        ("period", dataset.period, "when what it describes happened"),
    ):
        yield from unanswered(bundle, [Question(path(key), text, wanted)])
    if dataset.version is None or plain(dataset.version) in _MOVING:
        yield finding(
            bundle, path("version"), "no version is named that stays the same", "one version", dataset.version
        )
    if not dataset.rows:
        yield finding(bundle, path("rows"), "the rows are not counted", "how many rows it has", dataset.rows)
    ahead = [year for year in _YEAR.findall(dataset.period or "") if int(year) > run.as_of.year]
    if ahead:
        yield finding(bundle, path("period"), f"the period reaches into {ahead[0]}", "a period that has been",
                      dataset.period)  # fmt: skip


def _roles(bundle: BundleTarget) -> Iterator[Finding]:
    roles = " ".join(plain(dataset.role or "") for dataset in bundle.card.datasets or ())
    for role in ("training", "evaluation"):
        if role not in roles.split():
            yield finding(bundle, ("datasets",), f"no dataset has the role {role}", f"a dataset with `role: {role}`",
                          roles or None)  # fmt: skip


def _digests(bundle: BundleTarget) -> Iterator[Finding]:
    taken = {bundle.card.artifact.sha256: "the artifact"}
    taken |= {item.sha256: item.file for item in bundle.card.evidence or ()}
    for place, dataset in enumerate(bundle.card.datasets or ()):
        path = ("datasets", place, "sha256")
        digest = dataset.sha256
        if digest is None:
            yield finding(bundle, path, f"{dataset.name} has no digest", "the SHA-256 of its bytes")
        elif len(set(digest)) == 1:
            yield finding(bundle, path, f"the digest of {dataset.name} is made up", "the SHA-256 of its bytes", digest)
        elif digest in taken:
            yield finding(bundle, path, f"the digest of {dataset.name} is that of {taken[digest]}", "its own", digest)
        if digest is not None:
            taken.setdefault(digest, dataset.name)
