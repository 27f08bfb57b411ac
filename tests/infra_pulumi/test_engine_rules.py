# SPDX-License-Identifier: Apache-2.0
"""The gate's rules on what the real engine made, and the gate's own reading of the program beside it."""

from types import ModuleType
from typing import Any

import pytest

from policies.place import Place
from policies.rules.infrastructure.family import MODULES
from policies.rules.monitoring import log_retention
from policies.targets.infra import Infra, Resource, read_infra
from tests.infra_pulumi.conftest import Cloud
from tests.infra_pulumi.engine.engine import PROGRAM, Json
from tests.policies.examples import bundle, run

JUDGED = ("staging", "prod")
RULES = (*MODULES, log_retention)


def graph(cloud: Cloud, stack: str) -> Infra:
    """The engine's state as the gate reads a program: resources hold each other by the names that the program gave."""
    resources = cloud.engine.resources(stack)
    names = {item["id"]: item["urn"].rpartition("::")[2] for item in resources if item.get("id")}
    found = [
        Resource(type=item["type"], name=item["urn"].rpartition("::")[2], inputs=named(item, names), place=Place(stack))
        for item in resources
    ]
    return Infra(name=stack, stack=stack, resources=tuple(found), digest="")


def named(item: Json, names: dict[str, str]) -> dict[str, Any]:
    """Inputs with names in place of ids; what the engine itself noted is left out."""
    inputs = {key: value for key, value in (item.get("inputs") or {}).items() if not key.startswith("__")}
    exchanged: dict[str, Any] = exchange(inputs, names)
    return exchanged


def exchange(value: Any, names: dict[str, str]) -> Any:
    """The same value with names in place of ids."""
    if isinstance(value, dict):
        return {key: exchange(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [exchange(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.RULE.id)
@pytest.mark.parametrize("stack", JUDGED)
def test_a_rule_finds_nothing_in_what_was_made(cloud: Cloud, stack: str, rule: ModuleType) -> None:
    """With every id, ARN and policy document as the engine resolved it."""
    judgement = rule.check(graph(cloud, stack), run(bundle(), bundle(card="telecom-churn")))
    assert judgement.findings == ()
    assert judgement.note


@pytest.mark.parametrize("stack", JUDGED)
def test_the_gate_reads_the_program_as_the_engine_does(
    cloud: Cloud, stack: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`check --target infra` needs no engine: the resources it sees are these, with these settings."""
    seen = read_infra(f"{PROGRAM}:{stack}", tmp_path_factory.getbasetemp() / "own-program")
    made = {(item.type, item.name): item.inputs for item in graph(cloud, stack).resources}
    stack_itself = ("pulumi:pulumi:Stack", stack)
    read = {(item.type, item.name): item.inputs for item in seen.resources if (item.type, item.name) != stack_itself}
    assert read.keys() == made.keys() - {("pulumi:pulumi:Stack", f"countersign-{stack}")}
    for key, inputs in read.items():
        assert inputs.keys() <= made[key].keys(), key
        added = made[key].keys() - inputs.keys()
        assert added <= {"name", "bucket", "identifier", "version"}, (key, added)
        plain = {name for name, value in inputs.items() if isinstance(value, bool | int)}
        assert {name: inputs[name] for name in plain} == {name: made[key][name] for name in plain}, key


def test_the_gate_refuses_that_production_may_be_taken_down(
    cloud: Cloud, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`removable: true` is how a stack ends, by a reviewed commit; each store that it leaves open is a finding."""
    with cloud.engine.changed("prod", "removable: false", "removable: true"):
        open_to_all = read_infra(f"{cloud.engine.folder}:prod", tmp_path_factory.mktemp("removable"))
    (stores,) = [rule for rule in MODULES if rule.RULE.id == "IAC-001"]
    said = {finding.message for finding in stores.check(open_to_all, run(bundle())).findings}
    tables = {f"the Table countersign-prod-{part} can be deleted" for part in ("log", "payload", "state")}
    assert tables < said
    assert "the Cluster countersign-prod-log is made without deletionProtection" in said
