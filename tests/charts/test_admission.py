# SPDX-License-Identifier: Apache-2.0
"""The admission policies, as far as a rendering shows: they hold for whom they name, and fail closed.

That a real API server compiles and applies their expressions is shown in tests/cluster.
"""

from typing import Final

import pytest

from tests.charts.rendering import CHART, HELMS, WHOLE, Object, container, of, one, pods, scenario, template

ADMISSION: Final = CHART / "ci" / "admission-policy-values.yaml"
NAMES: Final = ("countersign-allowed", "countersign-deployments", "countersign-gate", "countersign-pods")
WITH_LIST: Final = ("countersign-deployments", "countersign-pods")


def policies() -> dict[str, Object]:
    return {item["metadata"]["name"]: item["spec"] for item in of(scenario(ADMISSION), "ValidatingAdmissionPolicy")}


def test_the_platform_renders_policies_and_the_gates_right_and_nothing_else() -> None:
    """Its project may deploy no pod, and the models' project neither policy nor Role."""
    assert sorted((item["kind"], item["metadata"]["name"]) for item in scenario(ADMISSION)) == [
        *(("Role", "countersign-allowed"), ("RoleBinding", "countersign-allowed")),
        *((kind, name) for kind in ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding") for name in NAMES),
    ]


def test_the_gates_account_may_write_that_one_list() -> None:
    """In the gate's own namespace; a create cannot be granted by name, and the policy covers that."""
    role = one(scenario(ADMISSION), "Role", "countersign-allowed")
    binding = one(scenario(ADMISSION), "RoleBinding", "countersign-allowed")
    assert role["metadata"]["namespace"] == binding["metadata"]["namespace"] == "ml-prod"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "namespace": "ml-prod", "name": "countersign-gate"}]
    assert binding["roleRef"]["name"] == "countersign-allowed"
    named, unnamed = role["rules"]
    assert (named["resources"], named["resourceNames"]) == (["configmaps"], ["countersign-allowed"])
    assert named["verbs"] == ["get", "update"]
    assert (unnamed["resources"], unnamed["verbs"]) == (["configmaps"], ["create"])


def test_the_gate_that_needs_no_entry_is_the_gate_as_it_is_rendered() -> None:
    """What the exception asks of a pod stands in the chart's own Job: another key or date is another pod."""
    (condition,) = policies()["countersign-gate"]["validations"]
    (job,) = (pod for title, pod in pods(scenario(WHOLE)).items() if title.startswith("Job countersign-gate-"))
    gate = container(job, "gate")
    assert f"c.image == '{gate['image']}'" in condition["expression"]
    assert gate["command"] == ["countersign"]
    assert gate["args"][0] == "verify-verdict"
    assert gate["args"][2:4] == ["--key", "/key/gate.pub"]
    assert {word for word in gate["args"] if word.startswith(("--k", "--as", "--ac"))} == {"--key"}
    denied = ("env", "envFrom", "workingDir", "lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
    assert not set(denied) & set(gate)
    mounts = {mount["mountPath"]: mount["name"] for mount in gate["volumeMounts"]}
    assert mounts == {"/verdict": "verdict", "/key": "key", "/var/run/secrets/kubernetes.io/serviceaccount": "account"}
    volumes = {volume["name"]: volume for volume in job["spec"]["volumes"]}
    assert f"v.secret.secretName == '{volumes['key']['secret']['secretName']}'" in condition["expression"]
    level = r"contains('\n--level\nCOUNTERSIGN_PROFILE_PROD\n')"
    for asked in (level, "startsWith('--as')", "!has(m.subPath)"):
        assert asked in condition["expression"]
    assert [name for name in denied if f"!has(c.{name})" not in condition["expression"]] == []
    account = policies()["countersign-pods"]["validations"][-1]
    assert "serviceAccountName in ['countersign-gate']" in account["expression"]


def test_each_policy_fails_closed() -> None:
    """An expression that cannot be evaluated, and a list that is not there, let nothing in."""
    for name, spec in policies().items():
        assert spec["failurePolicy"] == "Fail"
        binding = one(scenario(ADMISSION), "ValidatingAdmissionPolicyBinding", name)["spec"]
        assert binding["policyName"] == name
        assert binding["validationActions"] == ["Deny"]
        assert ("paramKind" in spec) == ("paramRef" in binding) == (name in WITH_LIST)
        if "paramRef" in binding:
            assert binding["paramRef"] == {"name": "countersign-allowed", "parameterNotFoundAction": "Deny"}
        (selected,) = binding["matchResources"]["namespaceSelector"]["matchExpressions"]
        assert (selected["key"], selected["values"]) == ("kubernetes.io/metadata.name", ["ml-prod"])


def test_every_way_to_start_a_container_is_matched() -> None:
    """Deployments by the current entry; pods however they come to be, also by one that is added for debugging."""
    rules = {name: spec["matchConstraints"]["resourceRules"][0] for name, spec in policies().items()}
    assert rules["countersign-deployments"]["resources"] == ["deployments"]
    for name, operator in (("countersign-pods", "DoesNotExist"), ("countersign-gate", "Exists")):
        assert rules[name]["resources"] == ["pods", "pods/ephemeralcontainers"]
        (selected,) = policies()[name]["matchConstraints"]["objectSelector"]["matchExpressions"]
        assert selected == {"key": "countersign.dev/gate", "operator": operator}, "no pod is under neither of them"
    assert all({"CREATE", "UPDATE"} <= set(rule["operations"]) for rule in rules.values())
    images = next(each for each in policies()["countersign-pods"]["variables"] if each["name"] == "containers")
    for part in ("spec.containers", "spec.initContainers", "spec.ephemeralContainers"):
        assert part in images["expression"]
    current = next(each for each in policies()["countersign-deployments"]["variables"] if each["name"] == "allowed")
    assert "params.data['current']" in current["expression"]


def test_the_list_is_written_by_the_gate_alone() -> None:
    """Argo CD may write any ConfigMap; this one says what Argo CD may deploy."""
    spec = policies()["countersign-allowed"]
    (rule,) = spec["matchConstraints"]["resourceRules"]
    (condition,) = spec["matchConditions"]
    assert (rule["resources"], "resourceNames" in rule) == (["configmaps"], False)
    assert condition["expression"].endswith("== 'countersign-allowed'")
    assert set(rule["operations"]) == {"CREATE", "UPDATE", "DELETE"}
    (validation,) = spec["validations"]
    writers = 'request.userInfo.username in ["system:serviceaccount:ml-prod:countersign-gate"]'
    assert validation["expression"].startswith(writers)
    accounts = of(scenario(CHART / "ci" / "whole-values.yaml"), "ServiceAccount")
    assert "countersign-gate" in {account["metadata"]["name"] for account in accounts}


@pytest.mark.parametrize("program", HELMS)
def test_an_image_cannot_end_the_expression(program: str) -> None:
    """The gate's image stands in an expression; what could break out of it is refused."""
    hostile = "registry.example/gate' || true || '@sha256:" + "5b" * 32
    refused = template(ADMISSION, program=program, sets=(f'admissionPolicy.gateImage="{hostile}"',))
    assert refused.code != 0
    assert "gateImage" in refused.err


@pytest.mark.parametrize("program", HELMS)
def test_a_writer_that_is_no_account_is_refused(program: str) -> None:
    """A right can only be given to an account, and a user's name would be compared with nothing."""
    refused = template(ADMISSION, program=program, sets=('admissionPolicy.writers=["someone"]',))
    assert refused.code != 0
    assert "someone is no system:serviceaccount:NAMESPACE:NAME" in refused.err
