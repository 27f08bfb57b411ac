# SPDX-License-Identifier: Apache-2.0
"""The rules of a run, with a team's own, and the digest that changes with anything that could change a judgement."""

import re
import shutil
from pathlib import Path

import pytest

from policies.errors import CannotEvaluate
from policies.runner.pack import ROOT, load_pack, pack_digest
from tests.policies.rules.own_rule import WHOLE, write

LAW = """
key = "house-rules"
title = "House rules"
version = "3"
source = "the intranet"
as_of = 2026-11-01
points = [{ reference = "7", title = "Everything has a name" }]
"""
CITING = WHOLE.replace('Control("nist-ai-rmf", "GOVERN 1.6")', 'Control("house-rules", "7")')


def test_the_product_comes_first_and_a_team_after(tmp_path: Path) -> None:
    """A team's rules are added to the product's; none of those can be left out."""
    product = load_pack()
    both = load_pack([write(tmp_path / "rules")])
    assert [module.rule.id for module in both.rules] == [*(m.rule.id for m in product.rules), "TEAM-001"]


def test_a_team_cites_its_own_law(tmp_path: Path) -> None:
    """Sources in the folder `law` beside the rules are part of the pack."""
    folder = write(tmp_path / "rules", CITING)
    write(folder / "law", LAW, "house-rules.toml")
    assert load_pack([folder]).law.source("house-rules").version == "3"


def test_what_is_cited_is_there(tmp_path: Path) -> None:
    """A control or a duty that no source has stops the run before anything is judged."""
    with pytest.raises(CannotEvaluate, match="no source 'house-rules'"):
        load_pack([write(tmp_path / "control", CITING)])
    duty = WHOLE.replace('over="bundle",', 'over="bundle",\n    duty="no-such-duty",')
    with pytest.raises(CannotEvaluate, match="no duty 'no-such-duty'"):
        load_pack([write(tmp_path / "duty", duty)])


def test_a_team_does_not_replace_a_law(tmp_path: Path) -> None:
    """A source of the product's key would change what other rules rest on."""
    folder = write(tmp_path / "rules")
    write(folder / "law", LAW.replace("house-rules", "gdpr"), "gdpr.toml")
    with pytest.raises(CannotEvaluate, match="two files of law have the key 'gdpr'"):
        load_pack([folder])


def test_the_digest_is_over_rules_law_and_what_asks_them(tmp_path: Path) -> None:
    """Equal files give equal digests wherever they lie; another byte or another name gives another."""
    digest = pack_digest()
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert pack_digest() == digest
    here, there = write(tmp_path / "here" / "rules"), write(tmp_path / "there" / "rules")
    assert pack_digest([here]) == pack_digest([there]) != digest
    write(there, WHOLE + "\n")
    assert pack_digest([here]) != pack_digest([there])
    (there / "name.py").rename(there / "other.py")
    write(there, WHOLE, "other.py")
    assert pack_digest([here]) != pack_digest([there])
    write(here / "law", LAW, "house-rules.toml")
    assert pack_digest([here]) not in (digest, pack_digest([there]))


def test_the_digest_leaves_out_what_only_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs and verdicts say what was judged, so a new format is no new policy; everything else is policy."""
    shutil.copytree(ROOT, tmp_path / "policies", ignore=shutil.ignore_patterns("__pycache__"))
    digest = pack_digest()
    monkeypatch.setattr("policies.runner.pack.ROOT", tmp_path / "policies")
    assert pack_digest() == digest
    for told in ("output/text.py", "verdict/dsse.py"):
        (tmp_path / "policies" / told).write_text("changed")
    assert pack_digest() == digest
    digests = {digest}
    for judging in ("rules/text.py", "law/gdpr.toml", "runner/gate.py", "profiles.py", "governance/waivers.py"):
        (tmp_path / "policies" / judging).write_text("changed")
        digests.add(pack_digest())
    assert len(digests) == 6
