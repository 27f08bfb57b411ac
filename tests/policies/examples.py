# SPDX-License-Identifier: Apache-2.0
"""Targets made from a few lines of YAML: the reference cards with a change, or small targets written out.

`judge` runs one example of a rule's page; `bundle`, `manifests` and the rest serve a rule's own tests. The date is
always given: no test looks at a clock.
"""

import datetime as dt
import hashlib
import importlib
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from contracts.yaml_document import YamlDocument, read_yaml
from policies.errors import TargetUnreadable
from policies.governance.governance import Approver, Governance, SignedApproval, Waiver
from policies.governance.reading import governance_from
from policies.law.law import LawPack, load_law
from policies.place import Place
from policies.profiles import PROFILES
from policies.rules.judgement import Finding, Judgement, failed
from policies.rules.rule import RuleModule
from policies.run import Run
from policies.targets.argocd import ArgoCd
from policies.targets.bundle import BundleTarget, read_bundle, read_card
from policies.targets.infra import Infra, Resource
from policies.targets.manifests import Manifest, Manifests
from policies.targets.repository import Repository
from tests.tree import ROOT

AS_OF = dt.date(2026, 11, 23)
CARDS = {"telco-watson": "models/telco-watson/1.0.0", "telecom-churn": "models/telecom-churn/1.0.0"}
PARTS = frozenset({"bundle", "manifests", "argocd", "infra", "repository", "governance"})
"""A mapping of nothing but these carries several targets; any other mapping is the rule's own target."""


@cache
def law() -> LawPack:
    """The law pack as shipped."""
    return load_law()


@cache
def released(card: str) -> BundleTarget:
    """A reference bundle, named as from the root of the repository."""
    target = read_bundle(str(ROOT / CARDS[card]))
    return msgspec.structs.replace(target, name=CARDS[card])


def bundle(patch: dict[str, Any] | None = None, card: str = "telco-watson") -> BundleTarget:
    """A reference bundle whose card was changed by an RFC 7386 merge patch. Raises TargetUnreadable."""
    whole = released(card)
    if not patch:
        return whole
    changed = yaml.safe_dump(
        merged(whole.document.value, patch), sort_keys=False, allow_unicode=True, default_flow_style=False, width=110
    ).encode()
    read, document = read_card(changed, f"{whole.name}/card.yaml")
    return msgspec.structs.replace(
        whole,
        card=read,
        card_bytes=changed,
        card_digest=hashlib.sha256(changed).hexdigest(),
        document=document,
    )


def merged(value: Any, patch: Any) -> Any:
    """RFC 7386: mappings are merged, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, change in patch.items():
        if change is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), change)
    return result


def approver(name: str = "model risk", duty: str = "model risk", **changes: Any) -> Approver:
    """Someone who may approve, with a key id made from the name."""
    made = Approver(
        name=name,
        duty=duty,
        key_id=hashlib.sha256(name.encode()).hexdigest(),
        public_key="",
        identities=(f"{name.replace(' ', '.')}@example.org",),
        place=Place("governance/approvers.yaml"),
    )
    return msgspec.structs.replace(made, **changes)


def approval(target: BundleTarget, by: Approver, **changes: Any) -> SignedApproval:
    """An approval of everything in a bundle as it is, decided on the day of the run."""
    made = SignedApproval(
        approver=by,
        decided=AS_OF,
        model=f"{target.card.model_id}@{target.card.version}",
        subjects={"card.yaml": target.card_digest, **{file: target.digest(file) for file in target.files}},
        place=Place(f"governance/approvals/{target.card.model_id}/{by.name}.dsse.json"),
    )
    return msgspec.structs.replace(made, **changes)


def governance(
    approvers: tuple[Approver, ...] = (),
    approvals: tuple[SignedApproval, ...] = (),
    waivers: tuple[Waiver, ...] = (),
) -> Governance:
    """A folder `governance/` as read."""
    return Governance(approvers=approvers, approvals=approvals, waivers=waivers, place=Place("governance"))


def approved(*targets: BundleTarget) -> Governance:
    """Two people who made none of it approved each target: model risk, and independent validation."""
    people = (approver(), approver("validation", "independent validation"))
    return governance(people, tuple(approval(target, by) for target in targets for by in people))


def run(*targets: BundleTarget, as_of: dt.date = AS_OF, profile: str = "prod", **parts: Any) -> Run:
    """A run over these bundles, all of them approved unless `governance` is given."""
    parts.setdefault("governance", approved(*targets))
    return Run(as_of=as_of, profile=PROFILES[profile], law=law(), bundles=targets, **parts)


def documents(text: str, file: str) -> tuple[Manifest, ...]:
    """Every document of a YAML stream, with places as in the stream."""
    found, line = [], 0
    for part in textwrap.dedent(text).split("---\n"):
        if part.strip():
            document = read_yaml(b"\n" * line + part.encode(), file)
            found.append(Manifest(file=file, value=document.value, positions={**document.values, **document.keys}))
        line += part.count("\n") + 1
    return tuple(found)


def manifests(text: str, name: str = "rendered") -> Manifests:
    """Rendered objects, written out as one stream."""
    objects = documents(text, f"{name}/all.yaml")
    return Manifests(name=name, objects=objects, digest=hashlib.sha256(text.encode()).hexdigest())


def argocd(text: str, name: str = "argocd") -> ArgoCd:
    """Argo CD's objects, written out as one stream."""
    objects = documents(text, f"{name}/all.yaml")
    return ArgoCd(name=name, objects=objects, digest=hashlib.sha256(text.encode()).hexdigest())


def infra(resources: list[dict[str, Any]], stack: str = "prod") -> Infra:
    """A resource graph from a list of {type, name, inputs}."""
    made = tuple(
        Resource(
            type=item["type"],
            name=item["name"],
            inputs=item.get("inputs") or {},
            place=Place("infra_pulumi/__main__.py", number),
        )
        for number, item in enumerate(resources, start=1)
    )
    return Infra(name="infra", stack=stack, resources=made, digest="0" * 64)


def repository(fields: dict[str, Any]) -> Repository:
    """A repository from some of its fields; `workflows` maps a path to its text."""
    given: dict[str, Any] = {
        "name": ".",
        "head": "1" * 40,
        "dirty": [],
        "history": {},
        "code_owners_file": None,
        "code_owners": [],
    }
    given.update({key: value for key, value in fields.items() if key != "workflows"})
    workflows = tuple(item for path, text in fields.get("workflows", {}).items() for item in documents(text, path))
    return msgspec.structs.replace(msgspec.convert({**given, "workflows": []}, Repository), workflows=workflows)


def judge(module: RuleModule, example: str) -> Judgement:
    """What a rule says of one example of its page; a card that cannot be read is CARD-001's finding."""
    heads, _ = _read_example(example)
    whole = released(heads.get("card", "telco-watson"))
    # A card's digest changes with the card; pages write these words in its place.
    example = example.replace("CARD_DIGEST", whole.card_digest).replace("ARTIFACT_DIGEST", whole.card.artifact.sha256)
    _, document = _read_example(example)
    card = heads.get("card", "telco-watson")
    as_of = dt.date.fromisoformat(heads.get("as of", AS_OF.isoformat()))
    parts = _parts(module, document, example)
    try:
        changed = bundle(parts.pop("bundle", None), card)
    except TargetUnreadable as error:
        if module.rule.id != "CARD-001":
            raise
        return failed(Finding(place=error.place, message=error.message, wanted="a card that can be read"))
    made = {kind: _make(kind, given) for kind, given in parts.items()}
    given_governance = made.pop("governance", None)
    evaluation = run(changed, as_of=as_of, governance=given_governance or approved(changed), **made)
    return module.check(_target(module, changed, evaluation), evaluation)


def _read_example(example: str) -> tuple[dict[str, str], YamlDocument | None]:
    lines = example.splitlines()
    heads = {}
    for line in lines:
        if not line.startswith("# ") or ": " not in line:
            break
        key, _, value = line.removeprefix("# ").partition(": ")
        heads[key] = value.strip()
    several = any(line.startswith("---") for line in lines)
    return heads, None if several else read_yaml(example.encode(), "example.yaml")


def _parts(module: RuleModule, document: YamlDocument | None, example: str) -> dict[str, Any]:
    value = None if document is None else document.value
    if isinstance(value, dict) and value and set(value) <= PARTS:
        return dict(value)
    kind = "bundle" if module.rule.over == "recomputation" else module.rule.over
    return {kind: example if kind in ("manifests", "argocd") else value}


def _make(kind: str, given: Any) -> Any:
    make: dict[str, Callable[[Any], Any]] = {
        "manifests": manifests,
        "argocd": argocd,
        "infra": infra,
        "repository": repository,
        "governance": governance_files,
    }
    return make[kind](given)


def governance_files(files: dict[str, Any]) -> Governance:
    """The folder `governance/` from its YAML files, each a mapping here."""
    return governance_from({name: yaml.safe_dump(value).encode() for name, value in files.items()}, "governance")


def _target(module: RuleModule, changed: BundleTarget, evaluation: Run) -> Any:
    if module.rule.over == "bundle":
        return changed
    if module.rule.over == "recomputation":
        return recomputed(changed)
    return getattr(evaluation, module.rule.over)


def recomputed(target: BundleTarget) -> Any:
    """The figures of a bundle, computed again."""
    return importlib.import_module("policies.recomputation.recompute").recompute(target)


def rule(module: Any) -> RuleModule:
    """A rule's module as the gate loads it."""
    return RuleModule(module.RULE, module.check, module.__doc__ or "", str(Path(module.__file__)))
