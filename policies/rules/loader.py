# SPDX-License-Identifier: Apache-2.0
"""From modules to rules: every module is held to the contract of a rule before any of them judges anything.

`load_product` gives the rules that are shipped, `load_folder` a team's own. A module that breaks the contract, an id
that is taken and an empty set are CannotEvaluate with the file: a rule that cannot be asked is never one that passed.
"""

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, Final, get_args

from policies.errors import CannotEvaluate
from policies.rules import registry
from policies.rules.page import PageInvalid, read_page
from policies.rules.rule import Control, Rule, RuleModule, Severity, TargetKind

PREFIXES: Final = {
    "approval": "APPR",
    "artifact": "ART",
    "card": "CARD",
    "data": "DATA",
    "evidence": "EVID",
    "fairness": "FAIR",
    "gitops": "GIT",
    "infrastructure": "IAC",
    "kubernetes": "K8S",
    "monitoring": "MON",
    "operations": "OPS",
    "performance": "PERF",
    "privacy": "PRIV",
    "tier": "TIER",
    "waiver": "WAIV",
}
"""What the ids of a family's rules begin with. A team's own rules begin with something else."""

_ID: Final = re.compile(r"([A-Z][A-Z0-9]{1,9})-[0-9]{3}")


def load_product(modules: Iterable[ModuleType] | None = None) -> tuple[RuleModule, ...]:
    """The rules that are shipped, in the order of the registry. Raises CannotEvaluate."""
    rules = tuple(_product_rule(module) for module in (registry.MODULES if modules is None else modules))
    if not rules:
        raise CannotEvaluate("the rule set is empty: nothing could be judged; reinstall Countersign")
    return unique(rules)


def load_folder(folder: Path) -> tuple[RuleModule, ...]:
    """A team's own rules: every ``*.py`` file of a folder, sorted by name. Raises CannotEvaluate."""
    if not folder.is_dir():
        raise CannotEvaluate(f"the rule folder {folder} is not there; mend its name in the settings")
    files = sorted(file for file in folder.glob("*.py") if file.name != "__init__.py")
    if not files:
        raise CannotEvaluate(f"the rule folder {folder} holds no rule; add a *.py file or take it out of the settings")
    below = next((file for file in sorted(folder.rglob("*.py")) if file.parent != folder), None)
    if below is not None:
        raise CannotEvaluate(f"{below}: rules in a folder below {folder} are not loaded; name that folder as well")
    return tuple(_own_rule(file) for file in files)


def unique(rules: Iterable[RuleModule]) -> tuple[RuleModule, ...]:
    """The rules as given, if no two have one id. Raises CannotEvaluate."""
    seen: dict[str, str] = {}
    found = tuple(rules)
    for module in found:
        if module.rule.id in seen:
            other = seen[module.rule.id]
            raise CannotEvaluate(f"{module.file}: the id {module.rule.id} is taken by {other}; give each rule its own")
        seen[module.rule.id] = module.file
    return found


def _product_rule(module: ModuleType) -> RuleModule:
    rule = as_rule(module, str(module.__file__))
    family = module.__name__.split(".")[-2]
    if not rule.rule.id.startswith(f"{PREFIXES.get(family, family)}-"):
        raise CannotEvaluate(f"{rule.file}: {rule.rule.id} does not belong to the family {family!r}; mend one of both")
    return rule


def _own_rule(file: Path) -> RuleModule:
    module = ModuleType(f"own_rule_{file.stem}")
    module.__file__ = str(file)
    try:
        # From its text alone: a compiled file beside it, which no digest covers, could say something else.
        exec(compile(file.read_bytes(), str(file), "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a stranger's file raises is that file's mistake
        raise CannotEvaluate(f"{file}: cannot be loaded: {type(error).__name__}: {error}; mend the file") from error
    rule = as_rule(module, str(file))
    prefix = rule.rule.id.partition("-")[0]
    if prefix in PREFIXES.values():
        raise CannotEvaluate(f"{file}: ids that begin with {prefix}- are Countersign's; choose a prefix of your own")
    return rule


def as_rule(module: ModuleType, file: str) -> RuleModule:
    """Hold one module to the contract. Raises CannotEvaluate."""
    rule = getattr(module, "RULE", None)
    check = getattr(module, "check", None)
    if not isinstance(rule, Rule):
        raise CannotEvaluate(f"{file}: there is no constant RULE of type Rule; add it (docs/rules.md)")
    if not callable(check) or len(inspect.signature(check).parameters) != 2:
        raise CannotEvaluate(f"{file}: there is no function check(target, run); add it (docs/rules.md)")
    problem = _problem(rule)
    if problem is not None:
        raise CannotEvaluate(f"{file}: {problem}")
    try:
        page = read_page(module.__doc__ or "")
    except PageInvalid as error:
        raise CannotEvaluate(f"{file}: {error}") from None
    if page.id != rule.id:
        raise CannotEvaluate(f"{file}: the docstring speaks of {page.id}, RULE of {rule.id}; mend one of both")
    return RuleModule(rule, check, module.__doc__ or "", file)


def _problem(rule: Any) -> str | None:
    """What is wrong with a rule's constant; None if nothing is."""
    kinds = get_args(TargetKind)
    if not isinstance(rule.severity, Severity):
        return f"severity is {rule.severity!r}; write one of {', '.join(map(str, Severity))}"
    strange = [kind for kind in (rule.over, *rule.needs) if kind not in kinds]
    if not isinstance(rule.needs, tuple) or strange:
        return f"over and needs name {', '.join(map(repr, strange)) or 'no tuple'}; name {', '.join(kinds)}"
    return _problem_of_words(rule)


def _problem_of_words(rule: Any) -> str | None:
    texts = (rule.id, rule.title, rule.remediation, rule.since, "" if rule.duty is None else rule.duty)
    if not all(isinstance(text, str) for text in texts) or not isinstance(rule.waivable, bool):
        return (
            "id, title, remediation, since and duty are texts, and waivable is True or False; mend the one that is not"
        )
    if not isinstance(rule.controls, tuple) or not all(isinstance(control, Control) for control in rule.controls):
        return "controls is no tuple of Control; mend it"
    if not _ID.fullmatch(rule.id):
        return f"the id {rule.id!r} is not of the form FAM-001; mend it"
    if not rule.title.strip() or rule.title.endswith("."):
        return f"the title {rule.title!r} is no sentence without a full stop; say what holds when the rule passes"
    if not rule.remediation.strip():
        return "remediation is empty; say how to mend a failure"
    if not rule.controls:
        return "controls is empty; name a point of a law, a standard or your own policy"
    return None
