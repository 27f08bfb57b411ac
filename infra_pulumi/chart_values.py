# SPDX-License-Identifier: Apache-2.0
"""A stack's outputs as values of the chart: where evidence goes, who each container is, and what it may reach.

Nothing here is chosen: every value follows from the outputs, or is a name that the README tells whoever makes the
object. What only a release knows (`PROMOTED`) comes from promotion, and who may call from the environment's own values.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from contracts.errors import SettingInvalid

PROMOTED: Final = (
    "release.model.id",
    "release.model.version",
    "release.card",
    "release.artifact",
    "release.verdict",
    "release.commit",
    "images.service.digest",
    "images.sidecar.digest",
    "gate.verdictText",
    "gate.manifests",
)
"""What promotion gives: digests, the verdict, and which model and commit they are of."""
LOGINS: Final = {"sidecar": "countersign_writer", "read-side": "countersign_reader"}
"""Logins of the database that a person makes, members of the roles that `countersign store init` grants."""


class Network(Struct, frozen=True, kw_only=True):
    """Addresses: the private subnets, AWS's services behind gateway endpoints, and the API inside the cluster."""

    private: tuple[str, ...]
    gateways: tuple[str, ...]
    api: str


class Containers(Struct, frozen=True, kw_only=True):
    """A role, or an audience, for each that the chart runs under one of its own."""

    service: str
    sidecar: str
    read_side: str = msgspec.field(name="read-side")


class Repositories(Struct, frozen=True, kw_only=True):
    """Where images are."""

    service: str
    sidecar: str


class Database(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where the database is, and where RDS keeps its owner's password."""

    host: str
    reader_host: str
    port: int
    name: str
    owner: str
    secret: str


class Outputs(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """What `pulumi stack output --json` prints. A name that is not known may be one that moved, such as `database`."""

    region: str
    cluster_name: str
    namespace: str
    store: str
    archive: str
    log_key: str
    roles: Containers
    audiences: Containers
    repositories: Repositories
    network: Network
    database: Database | None = None


def read_outputs(text: bytes | str) -> Outputs:
    """Read a stack's outputs. SettingInvalid says what is missing from them."""
    try:
        return msgspec.json.decode(text, type=Outputs)
    except msgspec.DecodeError as error:
        raise SettingInvalid(f"the stack's outputs: {error}; bring the stack up with 'pulumi up', from here") from None


def chart_values(outputs: Outputs) -> dict[str, Any]:
    """Values for charts/countersign, to be laid over those of the environment and under those of the release."""
    inside = list(outputs.network.private)
    roles, audiences = outputs.roles, outputs.audiences
    values = {
        "images": {
            "service": {"repository": outputs.repositories.service},
            "sidecar": {"repository": outputs.repositories.sidecar},
        },
        "archive": outputs.archive,
        "identity": {
            "mode": "irsa",
            "region": outputs.region,
            "service": {"roleArn": roles.service, "audience": audiences.service},
            "sidecar": {"roleArn": roles.sidecar, "audience": audiences.sidecar},
            "readSide": {"roleArn": roles.read_side, "audience": audiences.read_side},
        },
    }
    reached = {
        "aws": {"cidrs": [*inside, *outputs.network.gateways]},
        # The private endpoint lies in the subnets; inside the cluster it answers at the first address of all services.
        "apiServer": {"cidrs": [*inside, outputs.network.api]},
    }
    if outputs.database is None:
        return {**values, "store": {"mode": "dynamodb", "dynamodb": {"url": outputs.store}}, "networkPolicy": reached}
    return {
        **values,
        **_logins(outputs.database),
        "networkPolicy": {**reached, "store": {"cidrs": inside, "port": outputs.database.port}},
    }


def _logins(database: Database) -> dict[str, Any]:
    """The store, and a login for each who opens it; passwords are Secrets that somebody else makes."""

    def login(user: str, host: str, secret: str) -> dict[str, Any]:
        url = f"postgresql://{user}@{host}:{database.port}/{database.name}?sslmode=verify-full"
        return {"url": url, "passwordSecret": {"name": f"countersign-database-{secret}", "key": "password"}}

    authorities = {"caConfigMap": {"name": "countersign-database-ca", "key": "ca.crt"}}
    writer = login(LOGINS["sidecar"], database.host, "sidecar")
    return {
        "store": {"mode": "postgresql", "postgresql": {**writer, **authorities}},
        "readSide": {"postgresql": login(LOGINS["read-side"], database.reader_host, "read-side")},
        "migration": {"postgresql": login(database.owner, database.host, "owner")},
    }
