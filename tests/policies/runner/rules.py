# SPDX-License-Identifier: Apache-2.0
"""Rules for tests of the runner: each does one thing, over any kind of target."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

from policies.place import Place
from policies.profiles import PROFILES
from policies.rules.judgement import Finding, Judgement, failed, verified
from policies.rules.rule import Control, Rule, RuleModule, Severity
from policies.runner.pack import Pack
from policies.runner.request import Request
from tests.policies.examples import AS_OF, CARDS, law
from tests.tree import ROOT

BUNDLE = str(ROOT / CARDS["telco-watson"])
OTHER_BUNDLE = str(ROOT / CARDS["telecom-churn"])
FINDING = Finding(place=Place("card.yaml", 3, 5), message="it is wrong", wanted="something right")


def rule(check: Callable[[Any, Any], Any], id: str = "TEAM-001", **changes: Any) -> RuleModule:
    """A rule that judges by a function."""
    facts: dict[str, Any] = {
        "title": "it holds",
        "severity": Severity.HIGH,
        "over": "bundle",
        "controls": (Control("nist-ai-rmf", "GOVERN 1.6"),),
        "remediation": "Mend it.",
        **changes,
    }
    return RuleModule(Rule(id=id, **facts), check, "", "rule.py")


def passes(target: Any, run: Any) -> Judgement:
    """Always."""
    return verified("looked at")


def fails(target: Any, run: Any) -> Judgement:
    """Always."""
    return failed(FINDING)


def pack(*rules: RuleModule) -> Pack:
    """These rules and the law as shipped."""
    return Pack(rules, law(), "0" * 64)


def request(*bundles: str, as_of: dt.date = AS_OF, profile: str = "prod", **changes: Any) -> Request:
    """A run over bundles; there is no governance folder unless one is given."""
    facts: dict[str, Any] = {"governance": Path("no-such-folder"), **changes}
    return Request(version="0", profile=PROFILES[profile], as_of=as_of, bundles=bundles, **facts)
