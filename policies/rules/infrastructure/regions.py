# SPDX-License-Identifier: Apache-2.0
"""IAC-003: everything lies in a region where personal data may be kept.

## What it checks
The region of the provider, of the stack's configuration and of each resource that names its own, and the regions that
tables are copied to, are on the list below: those of the European Union, and Cape Town. At least one is stated, for
otherwise the machine that deploys decides.

## Why
A copy in another region is a transfer to another country, and it takes one word in a file.

## Reference
GDPR Chapter V; POPIA Section 72. Regions are those that AWS places in member states of the EU, and af-south-1. A team
under other law replaces this rule by its own.

## Fails
A table that is copied overseas:
```yaml
- {type: "pulumi:providers:aws", name: aws, inputs: {region: eu-west-1}}
- {type: "aws:dynamodb/table:Table", name: log, inputs: {replicas: [{regionName: us-east-1}]}}
```
No region at all:
```yaml
- {type: "aws:s3/bucket:Bucket", name: archive, inputs: {}}
```

## Passes
```yaml
- {type: "pulumi:providers:aws", name: aws, inputs: {region: eu-west-1}}
- {type: "aws:dynamodb/table:Table", name: log, inputs: {replicas: [{regionName: eu-central-1}]}}
```
"""

from collections.abc import Iterator
from typing import Any, Final

from policies.place import Place
from policies.rules.infrastructure.graph import PROVIDER, STACK, unpacked, wrong
from policies.rules.judgement import Finding, Judgement, judged, verified
from policies.rules.rule import Control, Rule, Severity
from policies.run import Run
from policies.targets.infra import Infra, Resource

RULE = Rule(
    id="IAC-003",
    title="everything lies in a region where personal data may be kept",
    severity=Severity.HIGH,
    over="infra",
    controls=(Control("gdpr", "Chapter V"), Control("popia", "Section 72")),
    remediation="Set aws:region in the stack's configuration, or region on the provider: + aws:region: eu-west-1",
)
ALLOWED: Final = frozenset(
    {"af-south-1", "eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3"}
)


def check(infra: Infra, run: Run) -> Judgement:
    """Judge every region that the graph names."""
    named = [(item, region) for item in infra.resources for region in _regions(item)]
    found = [
        wrong(item, "is in a region that is not on the list", ", ".join(sorted(ALLOWED)), region)
        for item, region in named
        if region not in ALLOWED
    ]
    if not any(item.type in (PROVIDER, STACK) for item, _ in named):
        found.append(
            Finding(place=Place(infra.name), message="no region is stated", wanted="a region of provider or stack")
        )
    return judged(found, verified(f"regions: {', '.join(sorted({region for _, region in named}))}"))


def _regions(item: Resource) -> Iterator[str]:
    yield from _texts(item.inputs.get("region"))
    replicas = unpacked(item.inputs.get("replicas"))
    for replica in replicas if isinstance(replicas, list) else []:
        if isinstance(replica, dict):
            yield from _texts(replica.get("regionName") or replica.get("region"))


def _texts(value: Any) -> Iterator[str]:
    if value is not None:
        yield str(value)
