# SPDX-License-Identifier: Apache-2.0
"""What a stack may choose, typed and closed: a misspelt key of `Pulumi.<stack>.yaml` is refused, never ignored.

Nothing here is a secret; the program makes none and needs none.
"""

import ipaddress
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from contracts.errors import SettingInvalid

REGIONS: Final = ("eu-west-1", "eu-central-1", "eu-north-1", "af-south-1")
"""Where personal data may be kept. A region joins this list by review, not by a stack's setting."""

SMALLEST: Final = 20
"""Prefix of the smallest network whose eighth still holds the pods of a node group."""

Arn = Annotated[str, Meta(pattern=r"^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12})?:[^*\s]+$(?!\n)")]
Days = Annotated[int, Meta(ge=1)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$(?!\n)")]
Cidr = Annotated[str, Meta(pattern=r"^[0-9.]{7,15}/[0-9]{1,2}$(?!\n)")]


class Network(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Address plan, for the life of the stack. One NAT gateway is cheap; one a zone survives the loss of a zone."""

    cidr: Cidr = "10.0.0.0/16"
    nat_per_zone: bool = True
    flow_log_days: Days = 365


class Cluster(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The control plane and its nodes. ``public_from`` opens the API to those networks; empty keeps it private."""

    version: Annotated[str, Meta(pattern=r"^1\.[0-9]{2}$(?!\n)")] = "1.35"
    public_from: tuple[Cidr, ...] = ()
    services: Cidr = "172.20.0.0/16"
    """Addresses of services inside the cluster, apart from the network's own; the first is its API."""
    instance_types: tuple[str, ...] = ("m5.large",)
    least_nodes: Annotated[int, Meta(ge=1)] = 2
    wanted_nodes: Annotated[int, Meta(ge=1)] = 3
    most_nodes: Annotated[int, Meta(ge=1)] = 6
    log_days: Days = 365
    admins: tuple[Arn, ...] = ()
    """IAM roles that administer the cluster; without any, nobody but the creator's account can be let in later."""


class Evidence(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long evidence is kept, and for how long an erased payload may still be restored by AWS."""

    archive_days: Annotated[int, Meta(ge=184)] = 3650
    """Object Lock of the archive, which holds no payload. 184 days is the least that AI Act Article 19 allows."""
    erasure_window_days: Annotated[int, Meta(ge=0, le=35)] = 0
    """Point-in-time recovery of the payload table; 0 switches it off, so that what is erased is gone."""
    break_glass: Arn
    """The role that may change evidence tables in an emergency; its use is what an auditor looks for first."""


class Inference(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the service may call besides its own model."""

    sagemaker_endpoints: tuple[Name, ...] = ()
    guardrails: tuple[Arn, ...] = ()


class Database(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Aurora PostgreSQL for the log. The tables are made all the same; while they are empty, nobody bills them."""

    version: Annotated[str, Meta(pattern=r"^[0-9]{2}\.[0-9]{1,2}$(?!\n)")] = "17.5"
    least_capacity: Annotated[float, Meta(ge=0.5)] = 0.5
    most_capacity: Annotated[float, Meta(le=256)] = 8
    backup_days: Annotated[int, Meta(ge=1, le=35)] = 35


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One stack."""

    name: Name
    """Prefix of every name, such as ``countersign-prod``."""
    region: str
    owner: str
    model: str
    """Which model the stack serves, for bills and for whoever finds a resource."""
    tier: str
    namespace: Name = "countersign"
    removable: bool = False
    """Whether `pulumi destroy` may take evidence with it. Only for stacks that hold none worth keeping."""
    network: Network = Network()
    cluster: Cluster = Cluster()
    evidence: Evidence
    inference: Inference = Inference()
    database: Database | None = None

    @property
    def tags(self) -> dict[str, str]:
        """What every resource carries."""
        return {"owner": self.owner, "model": self.model, "tier": self.tier, "managed-by": "pulumi", "stack": self.name}


def parse_account(text: str) -> str:
    """The number of the account that the stack is for. SettingInvalid when it is none."""
    if len(text) != 12 or not (text.isascii() and text.isdecimal()):
        raise SettingInvalid(
            f"countersign:account of the stack: {text!r} is no AWS account number; write its 12 digits, in quotes"
        )
    return text


def parse_settings(tree: Any) -> Settings:
    """Read the `settings` object of a stack. SettingInvalid names the key and what is wrong with it."""
    try:
        settings = msgspec.convert(tree, Settings)
    except msgspec.ValidationError as error:
        raise SettingInvalid(f"countersign:settings of the stack: {error}") from None
    if settings.region not in REGIONS:
        raise SettingInvalid(
            f"countersign:settings of the stack: region {settings.region!r} is not one of {', '.join(REGIONS)}; "
            "choose one of them, or add it to REGIONS in infra_pulumi/settings.py by review"
        )
    nodes = settings.cluster
    if not nodes.least_nodes <= nodes.wanted_nodes <= nodes.most_nodes:
        raise SettingInvalid(
            "countersign:settings of the stack: cluster: least_nodes <= wanted_nodes <= most_nodes does not hold"
        )
    _networks(settings)
    return settings


def _networks(settings: Settings) -> None:
    """Addresses are those of networks, and services inside the cluster have their own."""
    try:
        own, services = (ipaddress.IPv4Network(cidr) for cidr in (settings.network.cidr, settings.cluster.services))
    except ValueError as error:
        raise SettingInvalid(
            f"countersign:settings of the stack: {error}; write a network, such as 10.0.0.0/16"
        ) from None
    if own.overlaps(services):
        raise SettingInvalid(
            f"countersign:settings of the stack: cluster: services {services} overlaps the network {own}; move either"
        )
    if own.prefixlen > SMALLEST:
        raise SettingInvalid(
            f"countersign:settings of the stack: network: cidr {own} holds no six subnets of use; /{SMALLEST} does"
        )
