# SPDX-License-Identifier: Apache-2.0
"""Settings of a stack: typed, closed, and the committed stacks are ones."""

from typing import Any

import pytest

from contracts.errors import SettingInvalid
from contracts.yaml_document import read_yaml
from infra_pulumi.settings import Settings, parse_account, parse_settings
from tests import tree

STACKS = ("dev", "staging", "prod")
LEAST: dict[str, Any] = {
    "name": "countersign-test",
    "region": "eu-west-1",
    "owner": "platform",
    "model": "telecom-churn",
    "tier": "low",
    "evidence": {"break_glass": "arn:aws:iam::111122223333:role/break-glass"},
}


def stack(name: str) -> Settings:
    """The settings that a committed stack has."""
    file = tree.ROOT / f"infra_pulumi/Pulumi.{name}.yaml"
    config = read_yaml(file.read_bytes(), str(file)).value["config"]
    return parse_settings(config["countersign:settings"])


@pytest.mark.parametrize("name", STACKS)
def test_a_committed_stack_can_be_read(name: str) -> None:
    """Each stack is named after itself, and only dev may lose its evidence."""
    settings = stack(name)
    assert settings.name == f"countersign-{name}"
    assert settings.removable is (name == "dev")


def test_production_has_no_public_api() -> None:
    """The cluster's API is private unless a stack names networks, and prod names none."""
    assert stack("prod").cluster.public_from == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"regoin": "eu-west-1"}, "regoin"),
        ({"region": "us-east-1"}, "us-east-1"),
        ({"name": "Countersign"}, "name"),
        ({"cluster": {"least_nodes": 4, "most_nodes": 3}}, "least_nodes"),
        ({"cluster": {"versoin": "1.35"}}, "versoin"),
        ({"evidence": {"archive_days": 30, "break_glass": LEAST["evidence"]["break_glass"]}}, "archive_days"),
        ({"evidence": {"break_glass": "arn:aws:iam::111122223333:role/*"}}, "break_glass"),
        ({"evidence": {}}, "break_glass"),
        ({"network": {"cidr": "10.0.0.1/16"}}, "host bits"),
        ({"network": {"cidr": "10.0.0.0/24"}}, "holds no six subnets"),
        ({"network": {"cidr": "300.0.0.0/16"}}, "300"),
        ({"network": {"cidr": "172.16.0.0/12"}}, "overlaps"),
        ({"database": {"version": "17"}}, "version"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(change: dict[str, Any], said: str) -> None:
    """A misspelt key, a region off the list, too short a retention or a wildcard role stops the program."""
    with pytest.raises(SettingInvalid, match=said):
        parse_settings({**LEAST, **change})


@pytest.mark.parametrize("text", ["", "11112222333", "1111222233334", "production", "١١١١٢٢٢٢٣٣٣٣"])
def test_an_account_is_twelve_digits(text: str) -> None:
    """Anything else is refused before a cloud is asked."""
    assert parse_account("111122223333") == "111122223333"
    with pytest.raises(SettingInvalid, match="12 digits"):
        parse_account(text)
