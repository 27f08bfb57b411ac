# SPDX-License-Identifier: Apache-2.0
"""IAC-004: what is made says whose it is, for which model, and at which tier.

## What it checks
The provider's default tags, or the tags of each store, key, cluster, role and repository, hold `owner`, `model` and
`tier`, none a placeholder. The tier is low, medium or high, and no lower than that of any bundle of the run; the model
is `all`, or one of those bundles.

## Why
An inventory that is not written on the things themselves is out of date the day after. A store for a high-risk model
that is tagged low is treated as one.

## Reference
NIST AI RMF GOVERN 1.6: systems are inventoried.

## Fails
A tier that is lower than the model's:
```yaml
- type: pulumi:providers:aws
  name: aws
  inputs: {defaultTags: {tags: {owner: platform, model: telco-watson, tier: low}}}
- {type: "aws:s3/bucket:Bucket", name: archive, inputs: {}}
```

## Passes
```yaml
- type: pulumi:providers:aws
  name: aws
  inputs: {defaultTags: {tags: {owner: platform, model: telco-watson, tier: medium}}}
- {type: "aws:s3/bucket:Bucket", name: archive, inputs: {}}
```
"""

from collections.abc import Iterator
from typing import Any, Final

from policies.classification import strictest_tier, tier_of
from policies.rules.infrastructure.graph import BUCKETS, CLUSTER, DATABASES, KEY, PROVIDER, TABLE, get, unpacked, wrong
from policies.rules.judgement import Finding, Judgement, judged, not_applicable, verified
from policies.rules.rule import Control, Rule, Severity
from policies.rules.text import says_nothing
from policies.run import Run
from policies.targets.infra import Infra, Resource

RULE = Rule(
    id="IAC-004",
    title="what is made says whose it is, for which model, and at which tier",
    severity=Severity.LOW,
    over="infra",
    controls=(Control("nist-ai-rmf", "GOVERN 1.6"),),
    remediation='Give the provider default tags: default_tags={"tags": {"owner": …, "model": …, "tier": …}}.',
)
TAGGED: Final = (
    *BUCKETS, TABLE, KEY, CLUSTER, *DATABASES, "aws:ecr/repository:Repository", "aws:iam/role:Role",
)  # fmt: skip
TAGS: Final = ("owner", "model", "tier")
ALL: Final = "all"


def check(infra: Infra, run: Run) -> Judgement:
    """Judge each resource by its own tags over the provider's."""
    resources = infra.of(*TAGGED)
    if not resources:
        return not_applicable("the program makes nothing that is tagged; IAC-001 asks for a store")
    providers = infra.of(PROVIDER)
    common = [_mapping(get(item.inputs, "defaultTags", "tags")) for item in providers]
    # With several providers the graph does not say which made what: only what all of them say is said.
    shared = {key: value for key, value in (common[0] if common else {}).items() if all(key in tags for tags in common)}
    found: list[Finding] = []
    judged_before: set[tuple[str, ...]] = set()
    for item in resources:
        tags = {**shared, **_mapping(item.inputs.get("tags"))}
        values = tuple(str(tags.get(key)) for key in TAGS)
        place = item if values not in judged_before or not providers else None
        judged_before.add(values)
        if place is not None:
            found += _tags(place, tags, run)
    return judged(found, verified(f"{len(resources)} resources are tagged"))


def _tags(item: Resource, tags: dict[str, Any], run: Run) -> Iterator[Finding]:
    for key in TAGS:
        value = tags.get(key)
        if value is None or (says_nothing(str(value)) and (key, value) != ("model", ALL)):
            yield wrong(item, f"has no tag {key}", f"{', '.join(TAGS)}, by the provider's default tags", value)
    tier = tier_of(str(tags.get("tier")))
    if "tier" in tags and tier is None:
        yield wrong(item, "has a tier that is none", "low, medium or high", tags["tier"])
    least = max((strictest_tier(bundle.card) for bundle in run.bundles), default=None)
    if tier is not None and least is not None and tier < least:
        yield wrong(item, "is tagged with a lower tier than the model's", least.name.lower(), tags["tier"])
    models = {ALL, *(bundle.card.model_id for bundle in run.bundles)}
    if run.bundles and "model" in tags and tags["model"] not in models:
        yield wrong(item, "is tagged with a model that is not judged here", ", ".join(sorted(models)), tags["model"])


def _mapping(value: Any) -> dict[str, Any]:
    plain = unpacked(value)
    return plain if isinstance(plain, dict) else {}
