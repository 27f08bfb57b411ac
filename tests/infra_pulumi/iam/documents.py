# SPDX-License-Identifier: Apache-2.0
"""The policy documents that the program applies, taken from its own resource graph.

The graph is built under mocks, whose ARNs end in a resource's name and have neither region nor kind; they are given
the form that AWS has before anything is decided over them.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from infra_pulumi.iam import inference
from infra_pulumi.iam.document import Document
from policies.targets.infra import Resource, read_infra
from tests.tree import ROOT

ACCOUNT, REGION, STACK = "111122223333", "eu-west-1", "prod"
PREFIX = f"countersign-{STACK}"
ISSUER = f"oidc.example/id/{PREFIX}"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
ENDPOINT = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/churn"
GUARDRAIL = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:guardrail/abc123"
BREAK_GLASS = f"arn:aws:iam::{ACCOUNT}:role/evidence-break-glass"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/administrator"
EVERYTHING: Document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

_FORMS = {
    "dynamodb": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/",
    "kms": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/",
    "ecr": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/",
    "iam": f"arn:aws:iam::{ACCOUNT}:role/",
    "cloudwatch": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:",
}
_MADE_UP = re.compile(rf"arn:aws:({'|'.join(_FORMS)}):region:{ACCOUNT}:([\w/-]+)")


class Documents(NamedTuple):
    """Identity and trust policies by role, resources' own policies by ARN."""

    identity: Mapping[str, Document]
    trust: Mapping[str, Document]
    guards: Mapping[str, Document]


def role(name: str) -> str:
    """The ARN of one of the program's roles."""
    return f"{_FORMS['iam']}{PREFIX}-{name}"


def table(part: str) -> str:
    """The ARN of one of the three tables."""
    return f"{_FORMS['dynamodb']}{PREFIX}-{part}"


def key(part: str) -> str:
    """The ARN of a key: ``log`` signs, ``data`` encrypts."""
    return f"{_FORMS['kms']}{PREFIX}-{part}"


def repository(image: str) -> str:
    """The ARN of an image repository."""
    return f"{_FORMS['ecr']}{PREFIX}-{image}"


BUCKET = f"arn:aws:s3:::{PREFIX}-archive"
FLOW_LOG = f"{_FORMS['cloudwatch']}{PREFIX}-flow-log"


@lru_cache(1)
def documents() -> Documents:
    """Those of the stack ``prod``; the service's as for a model with an endpoint and a guardrail, for ours has none."""
    infra = read_infra(f"{ROOT / 'infra_pulumi'}:{STACK}")
    identity = {_short(found): _read(found, "policy") for found in infra.of("aws:iam/rolePolicy:RolePolicy")}
    assert "service" not in identity, "a service that calls nothing has no policy"
    service = inference.service([ENDPOINT], [GUARDRAIL])
    assert service is not None
    guards = {key(_short(found)): _read(found, "policy") for found in infra.of("aws:kms/key:Key")}
    for found in infra.of("aws:dynamodb/resourcePolicy:ResourcePolicy"):
        guards[table(_short(found))] = _read(found, "policy")
    (bucket_policy,) = infra.of("aws:s3/bucketPolicy:BucketPolicy")
    guards[BUCKET] = _read(bucket_policy, "policy")
    trust = {_short(found): _read(found, "assumeRolePolicy") for found in infra.of("aws:iam/role:Role")}
    return Documents({**identity, "service": service}, trust, guards)


def _short(resource: Resource) -> str:
    return resource.name.removeprefix(f"{PREFIX}-")


def _read(resource: Resource, name: str) -> Document:
    text = _MADE_UP.sub(_arn, resource.inputs[name]).replace(".region.amazonaws.com", f".{REGION}.amazonaws.com")
    assert ":region:" not in text, f"{resource.name}: an ARN of the mocks has no form yet"
    document: dict[str, Any] = json.loads(text)
    return document


def _arn(made_up: re.Match[str]) -> str:
    service, name = made_up.groups()
    return PROVIDER if service == "iam" and name == PREFIX else f"{_FORMS[service]}{name}"
