# SPDX-License-Identifier: Apache-2.0
"""The stand-in is strict: it refuses what the provider's schema refuses, and answers nothing that the schema lacks."""

from typing import Any

import pytest

pytest.importorskip("pulumi_aws", reason="the extra infra is not installed")

from pulumi.runtime.rpc import UNKNOWN

from tests.infra_pulumi.conftest import Cloud
from tests.infra_pulumi.engine import schema
from tests.infra_pulumi.engine.engine import STACKS
from tests.infra_pulumi.engine.made_up import SECRET

TABLE = "aws:dynamodb/table:Table"
GOOD: dict[str, Any] = {
    "billingMode": "PAY_PER_REQUEST",
    "hashKey": "key",
    "attributes": [{"name": "key", "type": "S"}],
    "pointInTimeRecovery": {"enabled": True, "recoveryPeriodInDays": 35},
    "tags": {"owner": "platform"},
}


def refused(kind: str, given: dict[str, Any]) -> list[str]:
    """The properties that are refused."""
    return [name for name, _ in schema.refusals(given, schema.inputs(kind))]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({}, []),
        ({"hashKey": UNKNOWN, "pointInTimeRecovery": UNKNOWN}, []),
        ({"colour": "red"}, ["colour"]),
        ({"hash_key": "key"}, ["hash_key"]),
        ({"hashKey": 1}, ["hashKey"]),
        ({"deletionProtectionEnabled": "true"}, ["deletionProtectionEnabled"]),
        ({"readCapacity": 1.5}, ["readCapacity"]),
        ({"readCapacity": True}, ["readCapacity"]),
        ({"attributes": {"name": "key", "type": "S"}}, ["attributes"]),
        ({"attributes": [{"name": "key"}]}, ["attributes[0].type"]),
        ({"attributes": [{"name": "key", "type": "S", "kind": "S"}]}, ["attributes[0].kind"]),
        ({"pointInTimeRecovery": {"enabled": 1}}, ["pointInTimeRecovery.enabled"]),
        ({"pointInTimeRecovery": []}, ["pointInTimeRecovery"]),
        ({"tags": {"owner": 1}}, ["tags[owner]"]),
        ({"billingMode": "PAY_PER_REQEST"}, ["billingMode"]),
        ({"tableClass": "INFREQUENT"}, ["tableClass"]),
    ],
)
def test_what_the_schema_does_not_take_is_refused_by_its_name(change: dict[str, Any], where: list[str]) -> None:
    """Unknown names, missing ones, other types at any depth, values off a closed list; what is not known yet passes."""
    assert refused(TABLE, {**GOOD, **change}) == where


def test_what_has_to_be_given_is_asked_for() -> None:
    """At the top, too; null is not given."""
    assert refused("aws:dynamodb/resourcePolicy:ResourcePolicy", {"policy": None}) == ["policy", "resourceArn"]


def test_a_number_off_a_closed_list_is_refused() -> None:
    """CloudWatch keeps a log group for some numbers of days and no others; the documentation lists them."""
    group = "aws:cloudwatch/logGroup:LogGroup"
    assert [days for days in (0, 1, 30, 184, 365, 366, 3653) if refused(group, {"retentionInDays": days})] == [184, 366]
    assert refused(group, {"retentionInDays": UNKNOWN}) == []


def test_an_unknown_resource_is_no_resource() -> None:
    """A misspelt type has no schema."""
    with pytest.raises(schema.Unknown, match="Tabel"):
        schema.inputs("aws:dynamodb/table:Tabel")


@pytest.mark.parametrize("stack", STACKS)
def test_what_the_stand_in_answers_is_of_the_provider_s_types(cloud: Cloud, stack: str) -> None:
    """A made-up output that no real resource has would let a program pass that could not run."""
    for item in cloud.engine.resources(stack):
        if not item["type"].startswith("aws:"):
            continue
        has = schema.outputs(item["type"])
        for name, value in item["outputs"].items():
            if name in ("id", "__defaults") or (name == "masterPassword" and SECRET):
                continue
            assert name in has, f"{item['type']} has no {name}"
            assert list(schema.mismatches(value, has[name], name)) == [], item["urn"]
