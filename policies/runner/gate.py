# SPDX-License-Identifier: Apache-2.0
"""Run the gate: read what was named, ask every rule, apply the waivers, report.

What cannot be judged is in the report as unreadable, error or skipped, never left out. Raises CannotEvaluate where no
report is possible (no rules, no law, broken approvers), WaiversInvalid for a waiver file that could never hold.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

from policies.errors import CannotEvaluate
from policies.governance.governance import Governance
from policies.governance.reading import read_governance
from policies.governance.waivers import check_waivers
from policies.place import Place
from policies.report import Case, Covered, Report, Skipped, State, Unreadable
from policies.rules.judgement import Basis, Finding
from policies.rules.rule import RuleModule, TargetKind
from policies.run import Run
from policies.runner.judging import judge
from policies.runner.pack import Pack, load_pack
from policies.runner.reading import Targets, attempt, read_targets
from policies.runner.request import Request
from policies.runner.waiving import apply_waivers
from policies.targets.bundle import BundleTarget

NOT_NAMED: Final = {
    "bundle": "no bundle was named",
    "recomputation": "no bundle was named",
    "manifests": "no manifests were named (--target manifests=DIR)",
    "argocd": "no Argo CD manifests were named (--target argocd=DIR)",
    "infra": "the infrastructure was not named (--target infra)",
    "repository": "the repository was not named (--target repository)",
    "governance": "there is no governance folder",
}
_CARD_RULE: Final = "CARD-001"


def run_gate(request: Request, pack: Pack | None = None) -> Report:
    """Judge everything that was named. Raises CannotEvaluate or WaiversInvalid."""
    if not request.bundles and not request.named:
        raise CannotEvaluate("nothing to judge: name a bundle (models/<id>/<version>) or a --target")
    pack = pack or load_pack(request.rule_folders)
    governance = read_governance(request.governance)
    check_waivers(governance.waivers, {m.rule.id: m.rule for m in pack.rules}, governance.approvers)
    targets = read_targets(request)
    run = _run(request, pack, governance, targets)
    evaluation = _Evaluation(request, run, targets)
    asked = [case for module in pack.rules for case in evaluation.ask(module)]
    cases, uses = apply_waivers(asked, governance.waivers, _subjects(run, targets), request.as_of)
    return Report(
        version=request.version,
        pack_digest=pack.digest,
        profile=request.profile,
        as_of=request.as_of,
        law=pack.law,
        targets=(*targets.covered(), *evaluation.recomputed(), *_governance_covered(governance)),
        cases=cases,
        unreadable=(*targets.unreadable, *evaluation.unreadable, *_not_asked(targets, cases)),
        skipped=tuple(evaluation.skipped),
        waivers=uses,
        notices=tuple(_notices(run)),
        bundles=targets.bundles,
        pages={module.rule.id: module.page for module in pack.rules},
    )


class _Evaluation:
    """The targets of a run, each computed when the first rule asks for it."""

    def __init__(self, request: Request, run: Run, targets: Targets) -> None:
        self.unreadable: list[Unreadable] = []
        self.skipped: list[Skipped] = []
        self._request = request
        self._run = run
        self._targets = targets
        self._recomputations: dict[str, Any] | None = None

    def ask(self, module: RuleModule) -> Iterator[Case]:
        """The cases of one rule; a rule without its targets is skipped, and the reason kept."""
        rule = module.rule
        yield from self._unreadable_cards(module)
        reason = next((r for kind in (rule.over, *rule.needs) if (r := self._absent(kind)) is not None), None)
        if reason is not None:
            self.skipped.append(Skipped(rule=rule, reason=reason))
            return
        for target in self._of(rule.over):
            yield judge(module, target, _name(target), self._run)

    def recomputed(self) -> Iterator[Covered]:
        """The bundles whose figures were computed again."""
        for name in self._recomputations or {}:
            yield Covered(kind="recomputation", name=name, digests={})

    def _absent(self, kind: TargetKind) -> str | None:
        """Why there is no target of a kind; None if there is one, or if it is in the report as unreadable."""
        if kind == "recomputation" and not self._request.recompute:
            return "re-computation was switched off (--no-recomputation)"
        if kind in ("bundle", "recomputation"):
            named = bool(self._request.bundles)
            return None if self._run.bundles else "no bundle could be read" if named else NOT_NAMED[kind]
        if kind == "governance" or getattr(self._run, kind) is not None:
            return None
        return "the target could not be read" if kind in self._request.named else NOT_NAMED[kind]

    def _of(self, kind: TargetKind) -> tuple[Any, ...]:
        if kind == "bundle":
            return self._run.bundles
        if kind == "recomputation":
            return tuple(self._recompute().values())
        return (getattr(self._run, kind),)

    def _recompute(self) -> dict[str, Any]:
        if self._recomputations is None:
            self._recomputations = {}
            for bundle in self._run.bundles:
                found = attempt("recomputation", bundle.name, lambda bundle=bundle: _recomputer()(bundle))  # type: ignore[misc]
                if isinstance(found, Unreadable):
                    self.unreadable.append(found)
                else:
                    self._recomputations[bundle.name] = found
        return self._recomputations

    def _unreadable_cards(self, module: RuleModule) -> Iterator[Case]:
        if module.rule.id != _CARD_RULE:
            return
        for target in self._targets.unreadable:
            if target.kind == "bundle":
                finding = Finding(place=target.place, message=target.message, wanted="a bundle that can be read")
                yield Case(
                    rule=module.rule,
                    target=target.name,
                    state=State.ERROR,
                    basis=Basis.ABSENT,
                    blocking=True,
                    findings=(finding,),
                    note=f"{target.place}: {target.message}",
                )


def _run(request: Request, pack: Pack, governance: Governance, targets: Targets) -> Run:
    return Run(
        as_of=request.as_of,
        profile=request.profile,
        law=pack.law,
        governance=governance,
        bundles=targets.bundles,
        images=request.images,
        **targets.others,
    )


def _name(target: Any) -> str:
    return target.place.file if isinstance(target, Governance) else str(target.name)


def _recomputer() -> Callable[[BundleTarget], Any]:
    # Imported when a rule asks for figures: numerical libraries are most of a run's start-up.
    recompute: Callable[[BundleTarget], Any] = import_module("policies.recomputation.recompute").recompute
    return recompute


def _subjects(run: Run, targets: Targets) -> dict[str, frozenset[str]]:
    """What a waiver may call each target."""
    found = {
        bundle.name: frozenset({bundle.card_digest, f"{bundle.card.model_id}@{bundle.card.version}"})
        for bundle in run.bundles
    }
    for target in targets.others.values():
        names = {target.name, getattr(target, "digest", target.name)}
        found[target.name] = found.get(target.name, frozenset()) | names  # two kinds may lie in one folder
    return found


def _not_asked(targets: Targets, cases: tuple[Case, ...]) -> Iterator[Unreadable]:
    """Targets that were named and read, and about which no rule was asked: nothing is known of them."""
    asked = {(case.rule.over, case.target) for case in cases}
    asked |= {("bundle", name) for kind, name in asked if kind == "recomputation"}
    read: list[tuple[TargetKind, str]] = [("bundle", bundle.name) for bundle in targets.bundles]
    read += [(kind, target.name) for kind, target in targets.others.items()]
    for kind, name in read:
        if (kind, name) not in asked:
            message = "was read, but no rule was asked about it; leave it out, or name what the rules over it need"
            yield Unreadable(kind=kind, name=name, place=Place(name), message=message)


def _governance_covered(governance: Governance) -> Iterator[Covered]:
    if governance.digests:
        yield Covered(kind="governance", name=governance.place.file, digests=dict(governance.digests))


def _notices(run: Run) -> Iterator[str]:
    for bundle in run.bundles:
        names = [
            approval.approver.name
            for approval in run.governance.approvals
            if approval.approver.demonstration and approval.subjects.get("card.yaml") == bundle.card_digest
        ]
        if names:
            yield f"{bundle.name}: approved with a demonstration key: no human approval ({', '.join(names)})"
