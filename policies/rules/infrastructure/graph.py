# SPDX-License-Identifier: Apache-2.0
"""How resources of a graph belong together, and what their policy documents say.

AWS splits a bucket over several resources; each names the bucket. A policy that is not JSON text is no policy that can
be judged, and never counts as a harmless one.
"""

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from policies.rules.judgement import Finding
from policies.targets.infra import Infra, Resource

BUCKETS: Final = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
TABLE: Final = "aws:dynamodb/table:Table"
KEY: Final = "aws:kms/key:Key"
LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
DATABASES: Final = ("aws:rds/cluster:Cluster", "aws:rds/instance:Instance")
CLUSTER: Final = "aws:eks/cluster:Cluster"
STACK: Final = "pulumi:pulumi:Stack"
PROVIDER: Final = "pulumi:providers:aws"


class Statement(NamedTuple):
    """One statement of a policy document; single values are written as lists."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[str, ...]
    conditions: dict[str, Any]
    negated: bool
    """Whether it is written as everything but something."""


def get(value: Any, *path: str) -> Any:
    """A value at a path; JSON text on the way is read, as providers keep their nested settings in it."""
    for step in path:
        value = unpacked(value)
        value = value.get(step) if isinstance(value, dict) else None
    return value


def unpacked(value: Any) -> Any:
    """What JSON text says; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def yes(value: Any) -> bool:
    """Whether a setting is on; some providers write it as text."""
    return value is True or value == "true"


def whole(value: Any) -> int | None:
    """A whole number; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def parts(infra: Infra, bucket: Resource, *kinds: str) -> Iterator[Resource]:
    """Resources of these kinds that are about a bucket; versioned spellings (`…V2`) count, too."""
    names = {bucket.name, bucket.inputs.get("bucket")} - {None}
    wanted = {
        f"aws:s3/{kind[0].lower()}{kind[1:]}{version}:{kind}{version}" for kind in kinds for version in ("", "V2")
    }
    return (item for item in infra.resources if item.type in wanted and item.inputs.get("bucket") in names)


def statements(policy: Any) -> list[Statement] | None:
    """Every statement of a policy document; None for what is no policy document."""
    document = unpacked(policy)
    given = document.get("Statement") if isinstance(document, dict) else None
    every = [given] if isinstance(given, dict) else given
    if not isinstance(every, list) or not every or not all(isinstance(item, dict) for item in every):
        return None
    return [_statement(item) for item in every]


def _statement(item: dict[str, Any]) -> Statement:
    principal = item.get("Principal")
    principals = principal.values() if isinstance(principal, dict) else [principal]
    return Statement(
        effect=str(item.get("Effect")),
        actions=_texts(item.get("Action")),
        resources=_texts(item.get("Resource")),
        principals=tuple(text for value in principals for text in _texts(value)),
        conditions=item["Condition"] if isinstance(item.get("Condition"), dict) else {},
        negated=any(key in item for key in ("NotAction", "NotPrincipal", "NotResource")),
    )


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)


def wrong(resource: Resource, what: str, wanted: str, seen: Any = None) -> Finding:
    """A finding at the line that made a resource."""
    kind = resource.type.rpartition(":")[2]
    return Finding(
        place=resource.place,
        message=f"the {kind} {resource.name} {what}",
        seen=None if seen is None else str(seen),
        wanted=wanted,
    )
