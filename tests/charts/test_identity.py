# SPDX-License-Identifier: Apache-2.0
"""Each container has the role of its own at AWS, or none: the token of an audience is mounted where that role is."""

import ast
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.charts.rendering import CHART, WITH_PODS, containers, of, one, pods, scenario, template
from tests.tree import ROOT


class Workload(NamedTuple):
    """What a role of the cloud program trusts."""

    account: str
    audience: str


def workloads() -> dict[str, Workload]:
    """As the cloud program writes them down; read and not imported, for its provider takes seconds to load."""
    module = ast.parse((ROOT / "infra_pulumi" / "workload_roles.py").read_text())
    constants: dict[str, ast.expr] = {
        node.target.id: node.value
        for node in module.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None
    }
    table = constants["WORKLOADS"]
    assert isinstance(table, ast.Dict)
    found = {}
    for key, value in zip(table.keys, table.values, strict=True):
        assert isinstance(key, ast.Constant)
        assert isinstance(value, ast.Call)
        words = [constants[word.id] if isinstance(word, ast.Name) else word for word in value.args]
        found[str(key.value)] = Workload(*(word.value for word in words[:2] if isinstance(word, ast.Constant)))  # type: ignore[arg-type]
    return found


WORKLOADS = workloads()
DYNAMODB = CHART / "ci" / "dynamodb-values.yaml"


def audiences(pod: dict[str, Any]) -> dict[str, set[str]]:
    """Audience to the containers that can read its token."""
    tokens = {
        volume["name"]: source["serviceAccountToken"]["audience"]
        for volume in pod["spec"].get("volumes", [])
        for source in volume.get("projected", {}).get("sources", [])
    }
    found: dict[str, set[str]] = {audience: set() for audience in tokens.values()}
    for each in containers(pod):
        for mount in each.get("volumeMounts", []):
            if mount["name"] in tokens:
                found[tokens[mount["name"]]].add(each["name"])
    return found


def test_each_audience_is_in_one_container() -> None:
    """All containers of a pod have one service account; the audience is all that tells them apart."""
    every = pods(scenario(DYNAMODB))
    assert audiences(every["Deployment countersign"]) == {
        WORKLOADS["service"].audience: {"service"},
        WORKLOADS["sidecar"].audience: {"sidecar"},
    }
    assert audiences(every["Deployment countersign-read-side"]) == {WORKLOADS["read-side"].audience: {"read-side"}}


def test_accounts_are_those_that_the_roles_trust() -> None:
    """A release of the name countersign has the accounts that the cloud program names."""
    every = pods(scenario(DYNAMODB))
    assert every["Deployment countersign"]["spec"]["serviceAccountName"] == WORKLOADS["sidecar"].account
    read_side = every["Deployment countersign-read-side"]["spec"]["serviceAccountName"]
    assert read_side == WORKLOADS["read-side"].account
    assert {item["metadata"]["name"] for item in of(scenario(DYNAMODB), "ServiceAccount")} == {
        WORKLOADS["service"].account, WORKLOADS["read-side"].account,
    }  # fmt: skip


@pytest.mark.parametrize("file", WITH_PODS, ids=lambda file: file.stem)
def test_roles_are_of_containers_and_never_of_accounts(file: Path) -> None:
    """A role in the account's annotation would be every container's; and nobody falls back on the node's."""
    for account in of(scenario(file), "ServiceAccount"):
        assert "eks.amazonaws.com/role-arn" not in account["metadata"].get("annotations", {})
        assert account["automountServiceAccountToken"] is False
    for pod in pods(scenario(file)).values():
        for each in containers(pod):
            variables = {variable["name"]: variable.get("value") for variable in each.get("env", [])}
            if "AWS_ROLE_ARN" in variables:
                assert variables["AWS_EC2_METADATA_DISABLED"] == "true"
                assert variables["AWS_ROLE_ARN"].endswith(each["name"])
                assert each["name"] in {name for names in audiences(pod).values() for name in names}


def test_a_container_without_a_role_has_no_token() -> None:
    """The service needs nothing at AWS unless its model does."""
    rendered = template(DYNAMODB, sets=('identity.service.roleArn=""',)).objects()
    pod = one(rendered, "Deployment")["spec"]["template"]
    assert audiences(pod) == {WORKLOADS["sidecar"].audience: {"sidecar"}}
