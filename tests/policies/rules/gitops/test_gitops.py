# SPDX-License-Identifier: Apache-2.0
"""Each rule on good objects, and on the same with a single thing taken away or made false."""

from types import ModuleType
from typing import Any, Final

import pytest

from policies.rules.gitops import gate_hook, owned_policy, project_scope, revision, source_integrity, sync_options
from policies.targets.argocd import read_argocd
from tests.policies.examples import repository, run
from tests.policies.rendering import FIXTURES, GONE, Change, add, applications, put, rendered

PROJECT: Final = "AppProject/spec"
SET: Final = "ApplicationSet/spec/template/spec"
INTEGRITY: Final = f"{PROJECT}/sourceIntegrity/git/policies/0"
GENERATOR: Final = "ApplicationSet/spec/generators/0/git/revision"
NOTE: Final = "Job/metadata/annotations/argocd.argoproj.io~"
OVER_ARGOCD: Final = (project_scope, revision, source_integrity, sync_options)
RBAC: Final[dict[str, Any]] = {
    "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-rbac-cm"},
    "data": {"policy.csv": "p, role:ops, applications, get, */*, allow\np, role:ops, applications, *, */*, allow\n"},
}  # fmt: skip
SETTINGS: Final[dict[str, Any]] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}}
CLUSTER_ROLE: Final = {"group": "rbac.authorization.k8s.io", "kind": "ClusterRole"}


@pytest.mark.parametrize("module", OVER_ARGOCD, ids=lambda module: module.RULE.id)
def test_good_applications_pass(module: ModuleType) -> None:
    """The fixture, changed in nothing, and as the gate reads it from disk."""
    assert module.check(applications(), run()).findings == ()
    assert module.check(read_argocd(str(FIXTURES / "argocd")), run()).note


def test_a_good_gate_passes() -> None:
    """The rendering's own Job."""
    assert gate_hook.check(rendered(), run()).findings == ()


def test_a_folder_without_projects_or_applications_is_no_pass() -> None:
    """One rule fails, the others say that they were not asked."""
    empty = applications(put("AppProject", GONE), put("ApplicationSet", GONE), add(SETTINGS))
    assert "there is no AppProject" in project_scope.check(empty, run()).findings[0].message
    for module in (revision, source_integrity, sync_options):
        assert module.check(empty, run()).not_applicable


MISTAKES: Final[list[tuple[ModuleType, Change, str]]] = [
    (project_scope, put("AppProject", GONE), "there is no AppProject"),
    (project_scope, put(f"{PROJECT}/sourceRepos", GONE), "does not list sourceRepos"),
    (project_scope, put(f"{PROJECT}/sourceRepos/0", "https://git.example/*"), "wider than a name"),
    (project_scope, put(f"{PROJECT}/destinations/0/namespace", "*"), "wider than a name"),
    (project_scope, put(f"{PROJECT}/destinations/0/namespace", "kube-*"), "wider than a name"),
    (project_scope, put(f"{PROJECT}/destinations/0/namespace", GONE), "wider than a name"),
    (project_scope, put(f"{PROJECT}/destinations/0/server", "*"), "wider than a name"),
    (project_scope, put(f"{PROJECT}/clusterResourceWhitelist/0", {"group": "*", "kind": "*"}), "wider than a name"),
    (project_scope, put(f"{PROJECT}/clusterResourceWhitelist/0", CLUSTER_ROLE), "decides about others"),
    (project_scope, put(f"{PROJECT}/namespaceResourceWhitelist", []), "does not list"),
    (project_scope, put(f"{SET}/project", "default"), "belongs to no project"),
    (project_scope, put(f"{SET}/project", "{{.project}}"), "belongs to no project"),
    (project_scope, put(f"{SET}/project", GONE), "belongs to no project"),
    (revision, put(f"{SET}/source/targetRevision", GONE), "can move without review"),
    (revision, put(f"{SET}/source/targetRevision", "HEAD"), "can move without review"),
    (revision, put(f"{SET}/source/targetRevision", "v1.2.3"), "can move without review"),
    (revision, put(f"{SET}/source/targetRevision", "feature/x"), "can move without review"),
    (revision, put(f"{SET}/source/targetRevision", "d56c4fc"), "can move without review"),
    (revision, put(f"{SET}/source/chart", "model"), "can move without review"),
    (revision, put(GENERATOR, "HEAD"), "a generator of models"),
    (revision, put(f"{SET}/source", GONE), "has no source"),
    (revision, put(f"{SET}/source/kustomize", {"images": ["a:b"]}), "changes what was rendered"),
    (revision, put(f"{SET}/source/helm", {"parameters": [{"name": "image"}]}), "changes what was rendered"),
    (revision, put(f"{SET}/source/plugin", {"name": "x"}), "changes what was rendered"),
    (revision, put(f"{SET}/sources", [{"repoURL": "x", "targetRevision": "HEAD"}]), "can move without review"),
    (revision, put("ApplicationSet/spec/templatePatch", "spec: {}"), "patches its template"),
    (
        revision,
        put("ApplicationSet/spec/template/metadata/annotations", {"argocd-image-updater.argoproj.io/image-list": "x"}),
        "past review",
    ),
    (gate_hook, put("Job", GONE), "no Job runs the gate"),
    (gate_hook, put("Job/metadata/labels", GONE), "no Job runs the gate"),
    (gate_hook, put(f"{NOTE}hook", GONE), "is no PreSync hook"),
    (gate_hook, put(f"{NOTE}hook", "PostSync"), "is no PreSync hook"),
    (gate_hook, put(f"{NOTE}sync-wave", "5"), "does not run first"),
    (gate_hook, put("Job/spec/backoffLimit", 6), "another backoffLimit"),
    (gate_hook, put("Job/spec/backoffLimit", GONE), "another backoffLimit"),
    (gate_hook, put("Job/spec/activeDeadlineSeconds", GONE), "another activeDeadlineSeconds"),
    (gate_hook, put("Job/spec/suspend", True), "another suspend"),
    (gate_hook, put("Job/spec/template/spec/restartPolicy", "OnFailure"), "another restartPolicy"),
    (gate_hook, put("Job/spec/template/spec/containers/0/args", ["version"]), "does not run verify-verdict"),
    *(
        (
            gate_hook,
            put("Job/spec/template/spec/containers/0/args", ["verify-verdict", "/v.json", "--key", "/k.pub", *words]),
            "does not verify for the day on which it runs",
        )
        for words in (["--as-of", "2026-11-23"], ["--as-of=2026-11-23"], ["--help"], ["-h"])
    ),
    (
        gate_hook,
        put("Job/spec/template/spec/containers/0/command", ["sh", "-c", "countersign verify-verdict x || true"]),
        "does not run verify-verdict",
    ),
    (gate_hook, put("Deployment/metadata/annotations", {"argocd.argoproj.io/hook": "Skip"}), "is skipped by Argo CD"),
    (
        gate_hook,
        put("Deployment/metadata/annotations", {"argocd.argoproj.io/sync-options": "Prune=true, Replace=true"}),
        "asks Argo CD for Replace=true",
    ),
    (source_integrity, put(f"{PROJECT}/sourceIntegrity", GONE), "takes unsigned commits"),
    (source_integrity, put(f"{INTEGRITY}/gpg/mode", "none"), "verifies nothing"),
    (source_integrity, put(f"{INTEGRITY}/gpg/keys", []), "trusts no key"),
    (source_integrity, put(f"{INTEGRITY}/gpg/keys/0", "0000000000000000"), "a key that is none"),
    (source_integrity, put(f"{INTEGRITY}/repos/0/url", "https://git.example/other.git"), "takes unsigned commits"),
    (source_integrity, put(f"{PROJECT}/sourceRepos/1", "https://git.example/b.git"), "takes unsigned commits"),
    (source_integrity, put(f"{PROJECT}/signatureKeys", [{"keyID": "D56C4FCA57A46444"}]), "has both"),
    (sync_options, put(f"{SET}/syncPolicy/syncOptions/0", "Validate=false"), "asks Argo CD for Validate=false"),
    (sync_options, put(f"{SET}/syncPolicy/syncOptions/0", "Force=True"), "asks Argo CD for Force=True"),
    (sync_options, put(f"{SET}/syncPolicy/automated/selfHeal", GONE), "without selfHeal"),
    (sync_options, put(f"{SET}/syncPolicy/automated/prune", "yes"), "without prune"),
    (sync_options, add(RBAC), "may override"),
    (sync_options, add(SETTINGS), "may sync any revision"),
    (
        sync_options,
        put("AppProject/metadata/annotations", {"argocd.argoproj.io/sync-options": "Replace=true"}),
        "asks Argo CD for Replace=true",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "change", "what"),
    MISTAKES,
    ids=[f"{number}-{module.RULE.id}-{what}" for number, (module, _, what) in enumerate(MISTAKES)],
)
def test_a_single_mistake_is_found(module: ModuleType, change: Change, what: str) -> None:
    """What is missing or false is named, with a place and what was wanted."""
    target = rendered(change) if module is gate_hook else applications(change)
    found = [finding for finding in module.check(target, run()).findings if what in finding.message]
    assert found, module.check(target, run())
    assert all(finding.place.file and finding.wanted for finding in found)


def test_a_job_of_an_earlier_sync_is_no_gate() -> None:
    """Under a fixed name it must be deleted before each sync, or its old success counts again."""
    named = (put("Job/metadata/generateName", GONE), put("Job/metadata/name", "gate"))
    assert gate_hook.check(rendered(*named), run()).findings == ()
    kept = rendered(*named, put(f"{NOTE}hook-delete-policy", "HookSucceeded"))
    assert [finding.message for finding in gate_hook.check(kept, run()).findings] == [
        "the Job gate may be one that ended long ago"
    ]


def test_a_strategy_without_hooks_is_found() -> None:
    """`apply` syncs and asks nobody."""
    operation = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "one"}, "spec": {},
        "operation": {"sync": {"syncStrategy": {"apply": {"force": False}}}},
    }  # fmt: skip
    (finding,) = sync_options.check(applications(add(operation)), run()).findings
    assert "runs no hook" in finding.message


def test_the_platform_s_project_may_deploy_the_admission_policy() -> None:
    """It is the one place from which the policy behind the gate comes."""
    policy = {"group": "admissionregistration.k8s.io", "kind": "ValidatingAdmissionPolicy"}
    platform = (put(f"{PROJECT}/clusterResourceWhitelist/0", policy), put("AppProject/metadata/name", "platform"))
    messages = [finding.message for finding in project_scope.check(applications(*platform), run()).findings]
    assert messages == ["ApplicationSet models belongs to no project of this folder"]


OWNED: Final[dict[str, Any]] = {
    "code_owners_file": ".github/CODEOWNERS",
    "code_owners": [{"pattern": "*", "owners": ["@org/risk"], "line": 1}],
}
COMMIT: Final = {"sha": "1" * 40, "author": "a@b.c", "committer": "a@b.c", "time": "2026-11-20T10:00:00Z"}


def test_an_owned_and_committed_gate_passes() -> None:
    """What lies elsewhere may be changed and unowned."""
    assert owned_policy.check(repository({**OWNED, "dirty": ["README.md"]}), run()).findings == ()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "there is no CODEOWNERS"),
        ({**OWNED, "code_owners": []}, ".github/CODEOWNERS belongs to nobody"),
        ({**OWNED, "code_owners": [{"pattern": "/policies/", "owners": ["@a"], "line": 1}]}, "governance/"),
        (
            {
                **OWNED,
                "code_owners": [*OWNED["code_owners"], {"pattern": "*.toml", "owners": [], "line": 7}],
                "history": {"policies/law/gdpr.toml": [COMMIT]},
            },
            "policies/law/gdpr.toml belongs to nobody by the line for *.toml",
        ),
        ({**OWNED, "dirty": ["governance/waivers.yaml"]}, "governance/waivers.yaml differs from the commit"),
        ({**OWNED, "dirty": ["CODEOWNERS"]}, "CODEOWNERS differs from the commit"),
    ],
)
def test_an_unowned_or_uncommitted_gate_is_found(fields: dict[str, Any], message: str) -> None:
    """The line that takes the protection away is the place."""
    found = [
        finding for finding in owned_policy.check(repository(fields), run()).findings if message in finding.message
    ]
    assert found
    if "*.toml" in message:
        assert str(found[0].place) == ".github/CODEOWNERS:7:1"
