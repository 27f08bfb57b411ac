# SPDX-License-Identifier: Apache-2.0
"""Ask one rule about a changed reference card, and read what it said."""

import datetime as dt
from typing import Any

import msgspec

from policies.rules.judgement import Finding, Judgement
from policies.targets.bundle import BundleTarget
from tests.policies.examples import AS_OF, bundle, run


def ask(
    module: Any, patch: dict[str, Any] | None = None, card: str = "telco-watson", as_of: dt.date = AS_OF, **changes: Any
) -> Judgement:
    """What a rule says of a reference card under a merge patch; `changes` are fields of the target."""
    target: BundleTarget = msgspec.structs.replace(bundle(patch, card), **changes)
    judgement: Judgement = module.check(target, run(target, as_of=as_of))
    return judgement


def said(judgement: Judgement) -> str:
    """Every finding on a line of its own: where, what, and what was seen."""
    return "\n".join(_line(found) for found in judgement.findings)


def _line(found: Finding) -> str:
    assert found.place.file.endswith((".yaml", ".json", ".toml", ".md", ".csv", ".onnx"))
    assert found.wanted
    assert found.message == found.message.rstrip(".")
    return f"{found.place}: {found.message} ({found.seen})"
