# SPDX-License-Identifier: Apache-2.0
"""Settings of a stack: typed, closed, and the committed stacks are ones."""

from typing import Any

import pytest

from contracts.errors import SettingInvalid
from contracts.yaml_document import read_yaml
from infra_pulumi.settings import Settings, check_account, parse_account, parse_settings
from tests import tree

BREAK_GLASS = "arn:aws:iam::111122223333:role/break-glass"
STACKS = ("dev", "staging", "prod")
LEAST: dict[str, Any] = {
    "name": "countersign-test",
    "region": "eu-west-1",
    "owner": "platform",
    "model": "telecom-churn",
    "tier": "low",
    "evidence": {"break_glass": BREAK_GLASS},
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
        ({"evidence": {"archive_days": 30, "break_glass": BREAK_GLASS}}, "archive_days"),
        ({"evidence": {"break_glass": "arn:aws:iam::111122223333:role/*"}}, "break_glass"),
        ({"evidence": {}}, "break_glass"),
        ({"network": {"cidr": "10.0.0.1/16"}}, "host bits"),
        ({"network": {"cidr": "10.0.0.0/24"}}, "holds no six subnets"),
        ({"network": {"cidr": "300.0.0.0/16"}}, "300"),
        ({"network": {"cidr": "172.16.0.0/12"}}, "overlaps"),
        ({"network": {"cidr": "10.0.0.0/15"}}, "wider"),
        ({"network": {"flow_log_days": 184}}, "flow_log_days"),
        ({"cluster": {"services": "100.64.0.0/16"}}, "services"),
        ({"cluster": {"services": "10.96.0.0/25"}}, "services"),
        ({"cluster": {"public_from": ["0.0.0.0/0"]}}, "public_from"),
        ({"cluster": {"public_from": ["203.0.113.0/24", "128.0.0.0/1"]}}, "public_from"),
        ({"cluster": {"public_from": ["203.0.113.300/32"]}}, "public_from"),
        ({"cluster": {"instance_types": []}}, "instance_types"),
        ({"cluster": {"admins": ["arn:aws:iam::111122223333:root"]}}, "admins"),
        ({"cluster": {"admins": [BREAK_GLASS]}}, "nobody works under"),
        ({"evidence": {"break_glass": "arn:aws:iam::111122223333:role/??????"}}, "break_glass"),
        ({"evidence": {"break_glass": "arn:aws:iam::111122223333:role/${aws:PrincipalTag/role}"}}, "break_glass"),
        ({"inference": {"guardrails": ["arn:aws:bedrock:eu-west-1:111122223333:guardrail/?"]}}, "guardrails"),
        ({"inference": {"sagemaker_endpoints": ["churn*"]}}, "sagemaker_endpoints"),
        ({"name": "countersign--prod"}, "name"),
        ({"name": "1st"}, "name"),
        ({"tier": "critical"}, "tier"),
        ({"owner": ""}, "owner"),
        ({"database": {"version": "17"}}, "version"),
        ({"database": {"least_capacity": 0.7}}, "least_capacity"),
        ({"database": {"least_capacity": 16, "most_capacity": 8}}, "least_capacity"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(change: dict[str, Any], said: str) -> None:
    """A misspelt key, a region off the list, what AWS does not take, a pattern for a role, a door open to everybody."""
    with pytest.raises(SettingInvalid, match=f"^countersign:settings of the stack: .*{said}"):
        parse_settings({**LEAST, **change})


@pytest.mark.parametrize("text", ["", "11112222333", "1111222233334", "production", "١١١١٢٢٢٢٣٣٣٣"])
def test_an_account_is_twelve_digits(text: str) -> None:
    """Anything else is refused before a cloud is asked."""
    assert parse_account("111122223333") == "111122223333"
    with pytest.raises(SettingInvalid, match="12 digits"):
        parse_account(text)


@pytest.mark.parametrize(
    "change",
    [
        {"evidence": {"break_glass": "arn:aws:iam::999988887777:role/break-glass"}},
        {"cluster": {"admins": ["arn:aws:iam::999988887777:role/platform-admin"]}},
        {"inference": {"guardrails": ["arn:aws:bedrock:eu-west-1:999988887777:guardrail/abc123"]}},
        {"inference": {"guardrails": ["arn:aws:bedrock:eu-central-1:111122223333:guardrail/abc123"]}},
    ],
)
def test_what_a_stack_names_is_its_own(change: dict[str, Any]) -> None:
    """A role of another account could never act on a table, and a guardrail elsewhere would see what must stay."""
    check_account(parse_settings(LEAST), "111122223333")
    with pytest.raises(SettingInvalid, match=r"is not (of the stack's account|in the stack's region)"):
        check_account(parse_settings({**LEAST, **change}), "111122223333")


def test_what_aws_takes_is_taken() -> None:
    """Names with capitals and paths, a door for one office, and every edge of the address plan."""
    wanted = {
        "name": "a",
        "network": {"cidr": "10.0.0.0/20", "flow_log_days": 3653},
        "cluster": {"services": "192.168.1.0/24", "public_from": ["203.0.113.0/24"]},
        "evidence": {"break_glass": "arn:aws:iam::111122223333:role/security/Break.Glass@2"},
        "inference": {
            "sagemaker_endpoints": ["Churn--v2"],
            "guardrails": ["arn:aws:bedrock:eu-west-1:111122223333:guardrail/abc123"],
        },
        "database": {"least_capacity": 0.5, "most_capacity": 256},
    }
    check_account(parse_settings({**LEAST, **wanted}), "111122223333")
