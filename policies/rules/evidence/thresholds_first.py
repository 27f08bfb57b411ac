# SPDX-License-Identifier: Apache-2.0
"""EVID-004: the thresholds were committed before the evaluation they judge.

## What it checks
Beside the versions of the model lies `thresholds.yaml`, with the metrics, attributes and bounds that the card has under
`thresholds`, no more and no fewer. In the history of the repository its newest commit is older than the first commit
of any evidence of this version, and it has no change that is not committed.

## Why
A bound that is set after the figure is known is a description, not a requirement.

## Reference
AI Act Article 9(8) has high-risk systems tested against metrics and probabilistic thresholds that were defined before.
The order of commits is what the repository shows; times are those of the committers' clocks. That nobody evaluated in
secret before no repository can show.

## Fails
The thresholds came together with the evidence:
```yaml
repository:
  history:
    models/telco-watson/thresholds.yaml:
      - {sha: "2222", author: a@example.org, committer: a@example.org, time: "2026-11-20T10:00:00Z"}
    models/telco-watson/1.0.0/evidence/scores.csv:
      - {sha: "2222", author: a@example.org, committer: a@example.org, time: "2026-11-20T10:00:00Z"}
```
They were changed afterwards:
```yaml
repository:
  history:
    models/telco-watson/thresholds.yaml:
      - {sha: "3333", author: a@example.org, committer: a@example.org, time: "2026-11-21T10:00:00Z"}
      - {sha: "1111", author: a@example.org, committer: a@example.org, time: "2026-11-01T10:00:00Z"}
    models/telco-watson/1.0.0/evidence/scores.csv:
      - {sha: "2222", author: a@example.org, committer: a@example.org, time: "2026-11-20T10:00:00Z"}
```
The card has other thresholds than the file:
```yaml
bundle:
  thresholds: [{metric: accuracy, minimum: 0.74}]
repository:
  history:
    models/telco-watson/thresholds.yaml:
      - {sha: "1111", author: a@example.org, committer: a@example.org, time: "2026-11-01T10:00:00Z"}
    models/telco-watson/1.0.0/evidence/scores.csv:
      - {sha: "2222", author: a@example.org, committer: a@example.org, time: "2026-11-20T10:00:00Z"}
```
The history does not know the file:
```yaml
repository:
  history: {}
```

## Passes
```yaml
repository:
  history:
    models/telco-watson/thresholds.yaml:
      - {sha: "1111", author: a@example.org, committer: a@example.org, time: "2026-11-01T10:00:00Z"}
    models/telco-watson/1.0.0/evidence/scores.csv:
      - {sha: "2222", author: a@example.org, committer: a@example.org, time: "2026-11-20T10:00:00Z"}
```
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from contracts.model_card_evidence import Threshold
from contracts.yaml_document import YamlInvalid, convert_yaml
from policies.place import Place
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.bundle import THRESHOLDS_FILE, BundleTarget
from policies.targets.repository import FileCommit, Repository

RULE = Rule(
    id="EVID-004",
    title="the thresholds were committed before the evaluation they judge",
    severity=Severity.HIGH,
    over="bundle",
    needs=("repository",),
    controls=(Control("eu-ai-act", "Article 9(8)"),),
    remediation="Commit `thresholds.yaml` beside the versions of the model before the next version is evaluated; the "
    "order of commits cannot be mended afterwards.",
)

Bound = tuple[str, str | None, float | None, float | None]


class ThresholdsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The file beside the versions of a model."""

    thresholds: tuple[Threshold, ...]


def check(bundle: BundleTarget, run: Run) -> Judgement:
    """Compare the file with the card, and its history with that of the evidence."""
    repository = run.repository
    assert repository is not None
    return judged(
        [*_content(bundle), *_order(bundle, repository)],
        verified(f"{len(bundle.card.thresholds or ())} thresholds were committed before the first evidence"),
    )


def _content(bundle: BundleTarget) -> Iterator[Finding]:
    place = _place(bundle)
    if bundle.thresholds is None:
        yield Finding(
            place=place, message=f"there is no {THRESHOLDS_FILE}", wanted="the card's thresholds, set before evaluating"
        )
        return
    try:
        file = convert_yaml(bundle.thresholds, place.file, ThresholdsFile)
    except YamlInvalid as error:
        yield Finding(place=place, message=f"{THRESHOLDS_FILE} cannot be read: {error}", seen="", wanted="thresholds")
        return
    on_card, set_before = _bounds(bundle.card.thresholds or ()), _bounds(file.thresholds)
    for bound in sorted(on_card ^ set_before, key=str):
        only = "the card" if bound in on_card else THRESHOLDS_FILE
        yield Finding(
            place=bundle.at("thresholds"),
            message=f"a threshold on {bound[0]}{f' of {bound[1]}' if bound[1] else ''} stands in {only} alone",
            seen=msgspec.json.encode({"minimum": bound[2], "maximum": bound[3]}).decode(),
            wanted="the same thresholds in both",
        )


def _bounds(thresholds: Iterable[Threshold]) -> set[Bound]:
    return {(item.metric, item.attribute, item.minimum, item.maximum) for item in thresholds}


def _order(bundle: BundleTarget, repository: Repository) -> Iterator[Finding]:
    model, version = bundle.folder
    file = next((path for path in repository.history if f"/{path}".endswith(f"/{model}/{THRESHOLDS_FILE}")), None)
    if file is None:
        yield Finding(
            place=_place(bundle), message=f"the history has no {model}/{THRESHOLDS_FILE}", wanted="a commit of the file"
        )
        return
    evidence = f"{file.removesuffix(THRESHOLDS_FILE)}{version}/evidence/"
    commits = [item for path, items in repository.history.items() if path.startswith(evidence) for item in items]
    if not commits:
        yield Finding(
            place=_place(bundle), message=f"the history has no evidence in {evidence}", wanted="the evidence, committed"
        )
        return
    if file in repository.dirty:
        yield Finding(
            place=_place(bundle), message=f"{file} has changes that are not committed", seen=file, wanted="no change"
        )
    first, newest = min(commits, key=_when), max(repository.history[file], key=_when)
    if newest.time >= first.time or newest.sha == first.sha:
        yield Finding(
            place=_place(bundle),
            message="the thresholds were committed when the evaluation had been made",
            seen=f"{newest.sha[:12]} of {newest.time.isoformat()}",
            wanted=f"before {first.sha[:12]} of {first.time.isoformat()}",
        )


def _when(commit: FileCommit) -> float:
    return commit.time.timestamp()


def _place(bundle: BundleTarget) -> Place:
    parent = bundle.name.rpartition("/")[0]
    return Place(f"{parent}/{THRESHOLDS_FILE}" if parent else THRESHOLDS_FILE)
