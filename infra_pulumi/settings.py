# SPDX-License-Identifier: Apache-2.0
"""What a stack may choose, typed and closed: a misspelt key of `Pulumi.<stack>.yaml` is refused, never ignored.

Nothing here is a secret; the program makes none and needs none.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from contracts.errors import SettingInvalid
from infra_pulumi.addresses import check_addresses

REGIONS: Final = ("eu-west-1", "eu-central-1", "eu-north-1", "af-south-1")
"""Where personal data may be kept. A region joins this list by review, not by a stack's setting."""

Role = Annotated[str, Meta(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$(?!\n)")]
"""One role by its whole name: in a condition `*` and `?` would be patterns, and `${...}` whatever the caller brings."""
Guardrail = Annotated[str, Meta(pattern=r"^arn:aws[a-z-]*:bedrock:[a-z0-9-]+:[0-9]{12}:guardrail/[a-z0-9]+$(?!\n)")]
Endpoint = Annotated[str, Meta(pattern=r"^[A-Za-z0-9](-*[A-Za-z0-9]){0,62}$(?!\n)")]
Days = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]  # fmt: skip
"""For how long CloudWatch Logs can keep a group (PutRetentionPolicy); it refuses every other number."""
Name = Annotated[str, Meta(pattern=r"^[a-z](-?[a-z0-9]){0,31}$(?!\n)")]
"""What every service takes into a name: RDS wants a letter first, and neither RDS nor ECR two hyphens on end."""
Tag = Annotated[str, Meta(pattern=r"^[\w .:/=+@-]{1,256}$(?!\n)")]
Cidr = Annotated[str, Meta(pattern=r"^[0-9.]{7,15}/[0-9]{1,2}$(?!\n)")]
Capacity = Annotated[float, Meta(ge=0.5, le=256, multiple_of=0.5)]


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
    instance_types: Annotated[tuple[str, ...], Meta(min_length=1)] = ("m5.large",)
    least_nodes: Annotated[int, Meta(ge=1)] = 2
    wanted_nodes: Annotated[int, Meta(ge=1)] = 3
    most_nodes: Annotated[int, Meta(ge=1)] = 6
    log_days: Days = 365
    admins: tuple[Role, ...] = ()
    """IAM roles that administer the cluster; without any, nobody but the creator's account can be let in later."""


class Evidence(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long evidence is kept, and for how long an erased payload may still be restored by AWS."""

    archive_days: Annotated[int, Meta(ge=184)] = 3650
    """Object Lock of the archive, which holds no payload. 184 days is the least that AI Act Article 19 allows."""
    erasure_window_days: Annotated[int, Meta(ge=0, le=35)] = 0
    """Point-in-time recovery of the payload table; 0 switches it off, so that what is erased is gone."""
    break_glass: Role
    """The role that may change evidence tables in an emergency; its use is what an auditor looks for first."""


class Inference(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the service may call besides its own model."""

    sagemaker_endpoints: tuple[Endpoint, ...] = ()
    guardrails: tuple[Guardrail, ...] = ()


class Database(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Aurora PostgreSQL for the log. The tables are made all the same; while they are empty, nobody bills them."""

    version: Annotated[str, Meta(pattern=r"^[0-9]{2}\.[0-9]{1,2}$(?!\n)")] = "17.5"
    least_capacity: Capacity = 0.5
    most_capacity: Capacity = 8
    backup_days: Annotated[int, Meta(ge=1, le=35)] = 35


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One stack."""

    name: Name
    """Prefix of every name, such as ``countersign-prod``."""
    region: str
    owner: Tag
    model: Tag
    """Which model the stack serves, for bills and for whoever finds a resource."""
    tier: Literal["low", "medium", "high"]
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
        raise _invalid(
            f"region {settings.region!r} is not one of {', '.join(REGIONS)}; "
            "choose one of them, or add it to REGIONS in infra_pulumi/settings.py by review"
        )
    nodes, database = settings.cluster, settings.database
    if not nodes.least_nodes <= nodes.wanted_nodes <= nodes.most_nodes:
        raise _invalid("cluster: least_nodes <= wanted_nodes <= most_nodes does not hold")
    if database is not None and database.least_capacity > database.most_capacity:
        raise _invalid("database: least_capacity <= most_capacity does not hold")
    check_addresses(settings.network.cidr, nodes.services, nodes.public_from)
    _emergencies(settings)
    return settings


def check_account(settings: Settings, account: str) -> None:
    """SettingInvalid when a role or a guardrail is another account's, or a guardrail another region's.

    A table lets no other account in: with such a role for emergencies nobody could ever change the tables again.
    """
    named = (settings.evidence.break_glass, *settings.cluster.admins, *settings.inference.guardrails)
    for arn in named:
        _, _, _, region, owner, _ = arn.split(":", 5)
        if owner != account:
            raise _invalid(f"{arn} is not of the stack's account {account}; name one that is, or mend the account")
        if region not in ("", settings.region):
            raise _invalid(f"{arn} is not in the stack's region {settings.region}; name one that is")


def _emergencies(settings: Settings) -> None:
    """Nobody works under the role for emergencies, or its use would tell an auditor nothing."""
    if settings.evidence.break_glass in settings.cluster.admins:
        raise _invalid("evidence: break_glass is one of the cluster's admins; make it a role that nobody works under")


def _invalid(what: str) -> SettingInvalid:
    return SettingInvalid(f"countersign:settings of the stack: {what}")
