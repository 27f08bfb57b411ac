# SPDX-License-Identifier: Apache-2.0
"""What AWS would have answered: ids, ARNs and addresses of the shapes that AWS gives them.

Every name is made from the resource's own, so two runs answer alike. Shapes follow AWS's "Actions, resources, and
condition keys" (Service Authorization Reference); the ranges of addresses are those kept for documents (RFC 5737).
"""

import hashlib
import ipaddress
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

Properties = dict[str, Any]


class Cloud(NamedTuple):
    """Whose account it is, and where."""

    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """An ARN of a resource that lies in a region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def iam(self, resource: str) -> str:
        """An ARN of IAM, which has no regions."""
        return f"arn:aws:iam::{self.account}:{resource}"


class Made(NamedTuple):
    """A resource that was made: its id, and what it has beside what was asked for."""

    id: str
    computed: Properties


def made(kind: str, name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
    """The answer to a request for a resource: ``kind`` its type, ``name`` the program's name for it."""
    maker = _MAKERS.get(kind)
    found = _plain(kind, name) if maker is None else maker(name, inputs, cloud)
    tags = {} if "tags" not in inputs else {"tagsAll": inputs["tags"]}
    return Made(found.id, {**found.computed, **tags})


def suffix(kind: str, name: str, length: int = 17) -> str:
    """Hex digits that are a resource's own."""
    return hashlib.sha256(f"{kind} {name}".encode()).hexdigest()[:length]


def _plain(kind: str, name: str) -> Made:
    """A resource of which the program asks nothing but its id."""
    return Made(f"{kind.rpartition(':')[2].lower()}-{suffix(kind, name)}", {})


def _ec2(prefix: str, resource: str, *more: str) -> Callable[[str, Mapping[str, Any], Cloud], Made]:
    def make(name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
        own = f"{prefix}-0{suffix(prefix, name, 16)}"
        return Made(own, {"arn": cloud.arn("ec2", f"{resource}/{own}"), **dict.fromkeys(more, own)})

    return make


def _named(service: str, resource: str, key: str = "name") -> Callable[[str, Mapping[str, Any], Cloud], Made]:
    """A resource whose id is the name that it was given."""

    def make(name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
        return Made(inputs[key], {"arn": cloud.arn(service, f"{resource}{inputs[key]}")})

    return make


def _role(name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
    return Made(
        inputs["name"],
        {"arn": cloud.iam(f"role/{inputs['name']}"), "uniqueId": f"AROA{suffix('role', name, 17).upper()}"},
    )


def _oidc_provider(name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
    arn = cloud.iam(f"oidc-provider/{inputs['url'].removeprefix('https://')}")
    return Made(arn, {"arn": arn})


def _key(name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
    own = str(uuid.UUID(suffix("key", name, 32)))
    return Made(own, {"arn": cloud.arn("kms", f"key/{own}"), "keyId": own})


def _bucket(name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
    bucket = inputs["bucket"]
    return Made(
        bucket,
        {
            "arn": f"arn:aws:s3:::{bucket}",
            "bucketRegion": cloud.region,
            "bucketDomainName": f"{bucket}.s3.amazonaws.com",
            "bucketRegionalDomainName": f"{bucket}.s3.{cloud.region}.amazonaws.com",
        },
    )


def _cluster(name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
    own = suffix("eks", name, 32).upper()
    issuer = f"https://oidc.eks.{cloud.region}.amazonaws.com/id/{own}"
    return Made(
        inputs["name"],
        {
            "arn": cloud.arn("eks", f"cluster/{inputs['name']}"),
            "endpoint": f"https://{own}.gr7.{cloud.region}.eks.amazonaws.com",
            "certificateAuthority": {"data": "bWFkZSB1cA=="},
            "identities": [{"oidcs": [{"issuer": issuer}]}],
            "status": "ACTIVE",
        },
    )


def _repository(name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
    return Made(
        inputs["name"],
        {
            "arn": cloud.arn("ecr", f"repository/{inputs['name']}"),
            "registryId": cloud.account,
            "repositoryUrl": f"{cloud.account}.dkr.ecr.{cloud.region}.amazonaws.com/{inputs['name']}",
        },
    )


def _database(name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
    own, zone = inputs["clusterIdentifier"], suffix("rds", name, 12)
    secret = f"secret:rds!cluster-{uuid.UUID(suffix('secret', name, 32))}-{suffix('tail', name, 6)}"
    return Made(
        own,
        {
            "arn": cloud.arn("rds", f"cluster:{own}"),
            "clusterResourceId": f"cluster-{suffix('rds', name, 26).upper()}",
            "endpoint": f"{own}.cluster-{zone}.{cloud.region}.rds.amazonaws.com",
            "readerEndpoint": f"{own}.cluster-ro-{zone}.{cloud.region}.rds.amazonaws.com",
            "port": 5432,
            "masterUserSecrets": [{"secretArn": cloud.arn("secretsmanager", secret), "secretStatus": "active"}],
            # RDS keeps this one to itself when it manages it. It is answered to see what becomes of a secret.
            "masterPassword": SECRET,
        },
    )


def _endpoint(name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
    found = _ec2("vpce", "vpc-endpoint")(name, inputs, cloud)
    if inputs.get("vpcEndpointType") != "Gateway":
        return found
    service = inputs["serviceName"].rpartition(".")[2]
    return Made(
        found.id,
        {**found.computed, "prefixListId": f"pl-{suffix('pl', service, 8)}", "cidrBlocks": PREFIXES[service]},
    )


def _template(name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
    found = _ec2("lt", "launch-template")(name, inputs, cloud)
    return Made(found.id, {**found.computed, "latestVersion": 1})


def _address(name: str, inputs: Mapping[str, Any], cloud: Cloud) -> Made:
    found = _ec2("eipalloc", "elastic-ip", "allocationId")(name, inputs, cloud)
    public = ipaddress.IPv4Address("203.0.113.0") + int(suffix("eip", name, 2), 16)
    return Made(found.id, {**found.computed, "publicIp": str(public)})


SECRET: Final = "a-password-that-nobody-may-read"
PREFIXES: Final = {"s3": ["198.51.100.0/25", "198.51.100.128/26"], "dynamodb": ["192.0.2.0/24"]}
_MAKERS: Final[Mapping[str, Callable[[str, Mapping[str, Any], Cloud], Made]]] = {
    "aws:cloudwatch/logGroup:LogGroup": _named("logs", "log-group:"),
    "aws:dynamodb/table:Table": _named("dynamodb", "table/"),
    "aws:ec2/eip:Eip": _address,
    "aws:ec2/launchTemplate:LaunchTemplate": _template,
    "aws:ec2/securityGroup:SecurityGroup": _ec2("sg", "security-group"),
    "aws:ec2/subnet:Subnet": _ec2("subnet", "subnet"),
    "aws:ec2/vpc:Vpc": _ec2("vpc", "vpc"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:ecr/repository:Repository": _repository,
    "aws:eks/cluster:Cluster": _cluster,
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _oidc_provider,
    "aws:iam/role:Role": _role,
    "aws:kms/alias:Alias": _named("kms", ""),
    "aws:kms/key:Key": _key,
    "aws:rds/cluster:Cluster": _database,
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": _named("rds", "cluster-pg:"),
    "aws:rds/subnetGroup:SubnetGroup": _named("rds", "subgrp:"),
    "aws:s3/bucket:Bucket": _bucket,
}
