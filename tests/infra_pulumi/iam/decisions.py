# SPDX-License-Identifier: Apache-2.0
"""The decision table: what each role may do, by hand and short; every other action of every service, refused.

`ALLOWED` lists actions, resources and conditions as the documents do. The rows of a role are the actions that AWS has
in the services of `SERVICES`, on our own resources and on somebody else's, under the context that favours it most:
those that `ALLOWED` covers are allowed, all others are not. An action that AWS adds, or that a policy gains, is refused
until somebody writes it down here.
"""

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from string import Template
from types import MappingProxyType
from typing import NamedTuple

from infra_pulumi.iam.document import Document
from tests.infra_pulumi.iam import documents as the
from tests.infra_pulumi.iam.simulator import Row, Service, catalogue

SERVICES = ("bedrock", "dynamodb", "ecr", "eks", "iam", "kms", "logs", "s3", "sagemaker", "sts")
LOG, PAYLOAD, STATE = the.table("log"), the.table("payload"), the.table("state")
OBJECTS = f"{the.BUCKET}/log/*"
SIGNING, DATA = the.key("log"), the.key("data")
ELSEWHERE = "arn:aws:iam::999988887777:role/administrator"


Condition = Mapping[str, Mapping[str, object]]


class Grant(NamedTuple):
    """Actions of one service on resources, patterns included, under one condition."""

    service: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    when: Condition = MappingProxyType({})

    def entries(self) -> Iterator[tuple[str, str, str]]:
        """Each action with each resource and the condition."""
        for action, resource in product(self.actions, self.resources):
            yield f"{self.service}:{action}", resource, json.dumps(dict(self.when), sort_keys=True)


def through(*services: str) -> Condition:
    """The encryption key is used by the services that hold the data, and never directly."""
    return {"StringEquals": {"kms:ViaService": [f"{service}.{the.REGION}.amazonaws.com" for service in services]}}


READ = ("GetItem", "Query")
BELOW_LOG = {"StringLike": {"s3:prefix": ["log/*"]}}
RAW_ED25519 = {"StringEquals": {"kms:SigningAlgorithm": "ED25519_SHA_512", "kms:MessageType": "RAW"}}
ALLOWED: Mapping[str, tuple[Grant, ...]] = {
    "service": (
        Grant("sagemaker", ("InvokeEndpoint",), (the.ENDPOINT,)),
        Grant("bedrock", ("ApplyGuardrail",), (the.GUARDRAIL,)),
    ),
    "sidecar": (
        Grant("dynamodb", ("PartiQLInsert", *READ), (LOG, STATE)),
        Grant("dynamodb", ("PartiQLInsert", "BatchGetItem"), (PAYLOAD,)),
        Grant("dynamodb", ("UpdateItem", "BatchGetItem"), (STATE,)),
        Grant("s3", ("PutObject", "PutObjectRetention", "GetObject", "GetObjectVersion"), (OBJECTS,)),
        Grant("s3", ("ListBucketVersions",), (the.BUCKET,), BELOW_LOG),
        Grant("s3", ("ListBucket", "GetBucketObjectLockConfiguration"), (the.BUCKET,)),
        Grant("kms", ("Sign",), (SIGNING,), RAW_ED25519),
        Grant("kms", ("GetPublicKey",), (SIGNING,)),
        Grant("kms", ("Decrypt",), (DATA,), through("dynamodb", "s3")),
        Grant("kms", ("GenerateDataKey",), (DATA,), through("s3")),
    ),
    "read-side": (
        Grant("dynamodb", READ, (LOG, STATE)),
        Grant("dynamodb", ("BatchGetItem",), (PAYLOAD, STATE)),
        Grant("dynamodb", ("DescribeTable",), (LOG, PAYLOAD, STATE)),
        Grant("dynamodb", ("Scan",), (STATE,)),
        Grant("s3", ("GetObject", "GetObjectVersion"), (OBJECTS,)),
        Grant("s3", ("ListBucketVersions",), (the.BUCKET,), BELOW_LOG),
        Grant("s3", ("ListBucket",), (the.BUCKET,)),
        Grant("kms", ("Decrypt",), (DATA,), through("dynamodb", "s3")),
    ),
    "eraser": (
        Grant("dynamodb", READ, (LOG, STATE)),
        Grant("dynamodb", ("BatchGetItem", "UpdateItem", "DeleteItem"), (PAYLOAD,)),
        Grant("kms", ("Decrypt",), (DATA,), through("dynamodb")),
    ),
    "argocd": (
        Grant("ecr", ("GetAuthorizationToken",), ("*",)),
        Grant(
            "ecr",
            ("BatchCheckLayerAvailability", "BatchGetImage", "DescribeImages", "GetDownloadUrlForLayer"),
            (the.repository("service"), the.repository("sidecar")),
        ),
    ),
    "flow-log": (Grant("logs", ("CreateLogStream", "DescribeLogStreams", "PutLogEvents"), (f"{the.FLOW_LOG}:*",)),),
}
"""Everything that a role's own policy says, and all of it takes effect."""

OPEN = ("sts:GetCallerIdentity",)
"""What AWS lets anyone do who has credentials, whatever policies say."""

OURS: Mapping[str, tuple[str, ...]] = {
    "dynamodb:table": (LOG, PAYLOAD, STATE),
    "dynamodb:index": (f"{STATE}/index/by-time",),
    "dynamodb:stream": (f"{PAYLOAD}/stream/2026-11-23T00:00:00.000",),
    "dynamodb:backup": (f"{PAYLOAD}/backup/01",),
    "dynamodb:export": (f"{PAYLOAD}/export/01",),
    "s3:bucket": (the.BUCKET,),
    "s3:object": (f"{the.BUCKET}/log/tile/0/000", f"{the.BUCKET}/log/checkpoints/7", f"{the.BUCKET}/elsewhere"),
    "kms:key": (SIGNING, DATA),
    "ecr:repository": (the.repository("service"), the.repository("sidecar")),
    "iam:role": (the.role("sidecar"), the.BREAK_GLASS),
    "sts:role": (the.role("sidecar"), the.BREAK_GLASS),
    "logs:log-group": (f"{the.FLOW_LOG}:any",),
    "logs:log-stream": (f"{the.FLOW_LOG}:log-stream:any",),
    "sagemaker:endpoint": (the.ENDPOINT,),
    "bedrock:guardrail": (the.GUARDRAIL,),
}
"""Resources of this stack, by kind. Of each kind there is one of somebody else's besides."""

TWICE = ("data-automation-project",)
"""Kinds whose ARN AWS gives to two kinds of resource, so that a request for one cannot be told from the other."""

FAVOUR = {
    "aws:SecureTransport": "true",
    "kms:CallerAccount": the.ACCOUNT,
    "kms:MessageType": "RAW",
    "kms:SigningAlgorithm": "ED25519_SHA_512",
    "s3:object-lock-mode": "COMPLIANCE",
    "s3:prefix": "log/tile",
}
"""The context that meets every condition in the documents, so that a refusal is never for want of one."""


def expected(role: str, action: str, resource: str) -> bool:
    """Whether the table lets the role do it."""
    return action in OPEN or any(
        action == named and fnmatchcase(resource, pattern) for named, pattern, _ in stated(role)
    )


@cache
def stated(role: str) -> frozenset[tuple[str, str, str]]:
    """Every action, resource and condition that the table lists for the role."""
    return frozenset(entry for grant in ALLOWED[role] for entry in grant.entries())


def listed(document: Document) -> frozenset[tuple[str, str, str]]:
    """Every action, resource and condition that a document allows, as it is written."""
    return frozenset(
        (action, resource, json.dumps(statement.get("Condition", {}), sort_keys=True))
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
        for action, resource in product(as_list(statement["Action"]), as_list(statement["Resource"]))
    )


def as_list(value: str | list[str]) -> list[str]:
    """A string or a list of them, as a list."""
    return [value] if isinstance(value, str) else value


@cache
def places(role: str) -> tuple[tuple[str, str], ...]:
    """Every action to decide, with each resource: in services that the role uses all there are, elsewhere what mutates.

    Where a role has nothing to do one resource stands for all: a document that gives it anything there fails anyway.
    """
    used = {grant.service for grant in ALLOWED[role]} | {"dynamodb"}
    return tuple(
        (action, resource)
        for name, service in known().items()
        for action, one in service.actions.items()
        if name in used or one.mutates
        for resource in _resources(name, service, one.on)[: None if name in used else 1]
    )


def known() -> Mapping[str, Service]:
    """The services of the table."""
    return catalogue(SERVICES)


def rows(role: str) -> list[Row]:
    """The role's requests, decided over its own document."""
    return [request(the.role(role), action, resource, role) for action, resource in places(role)]


def request(principal: str, action: str, resource: str, identity: str, **context: str) -> Row:
    """One request under the most favourable context, but for what is named here; an empty value takes a key away."""
    # Whatever a role may decrypt it may through DynamoDB; a new key for data is an object's.
    service = "s3" if action == "kms:GenerateDataKey" else "dynamodb"
    favour = {**FAVOUR, "kms:ViaService": f"{service}.{the.REGION}.amazonaws.com"}
    said = {name: value for name, value in {**favour, **context}.items() if value}
    return Row(principal, action, resource, said, identity, guard_of(resource))


def guard_of(resource: str) -> str | None:
    """The policy that the resource has itself, by name."""
    guarded = resource.split("/log/")[0].removesuffix("/elsewhere") if resource.startswith("arn:aws:s3") else resource
    return guarded if guarded in the.documents().guards else None


def _resources(name: str, service: Service, kinds: tuple[str, ...]) -> list[str]:
    if not kinds:
        return ["*"]
    ours = [resource for kind in kinds for resource in OURS.get(f"{name}:{kind}", ())]
    return ours + [_somebody_elses(service.resources[kind]) for kind in kinds if kind not in TWICE]


def _somebody_elses(pattern: str) -> str:
    class Filled(dict[str, str]):
        def __missing__(self, placeholder: str) -> str:
            return {"Partition": "aws", "Region": the.REGION, "Account": the.ACCOUNT}.get(placeholder, "other")

    return Template(pattern).substitute(Filled())
