# SPDX-License-Identifier: Apache-2.0
"""The law pack: what the rules cite is there, dates have a source, and a broken pack is never an empty one."""

import datetime as dt
from pathlib import Path
from types import ModuleType

import pytest

from policies.errors import CannotEvaluate
from policies.law.law import Duty, load_law
from policies.rules.registry import MODULES
from policies.rules.rule import Control

LAW = load_law()
DUTIES = [duty for source in LAW.sources for duty in source.duties]
VALID = """
key = "act"
title = "An act"
version = "1"
source = "the gazette"
as_of = 2026-01-01
"""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.RULE.id)
def test_what_a_rule_cites_is_in_the_pack(module: ModuleType) -> None:
    """Every control and every duty of a rule resolves, and each rule cites something."""
    assert module.RULE.controls
    for control in module.RULE.controls:
        assert LAW.point(control).title
    if module.RULE.duty is not None:
        assert LAW.duty(module.RULE.duty).title


@pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.key)
def test_the_date_of_a_duty_is_one_that_a_source_gives(duty: Duty) -> None:
    """The gate goes by a date that one of the readings names, and each reading says where it stands."""
    assert duty.applies_from in [reading.applies_from for reading in duty.readings]
    assert all(reading.source for reading in duty.readings)


def test_points_and_duties_have_one_name() -> None:
    """No reference stands twice in a source, no duty key twice in the pack, and every point's duty exists."""
    keys = [duty.key for duty in DUTIES]
    assert len(set(keys)) == len(keys)
    for source in LAW.sources:
        references = [point.reference for point in source.points]
        assert len(set(references)) == len(references)
        assert {point.duty for point in source.points} - {None} <= set(keys)


def test_duties_of_annex_iii_are_deferred_with_both_readings() -> None:
    """High-risk duties of Annex III apply from 2027-12-02, and the date first adopted is kept beside it."""
    duty = LAW.duty("annex-iii-high-risk")
    assert duty.applies_from == dt.date(2027, 12, 2)
    assert dt.date(2026, 8, 2) in [reading.applies_from for reading in duty.readings]
    assert LAW.applies_from(Control("eu-ai-act", "Article 9(8)")) == dt.date(2027, 12, 2)
    assert LAW.applies_from(Control("eu-ai-act", "Article 5")) == dt.date(2025, 2, 2)


def test_a_rescinded_source_names_what_replaced_it() -> None:
    """SR 11-7 was rescinded on 2026-04-17, and what replaced it is in the pack."""
    rescinded = [source for source in LAW.sources if source.rescinded is not None]
    assert {source.key for source in rescinded} >= {"sr-11-7"}
    for source in rescinded:
        assert source.also_known_as
        assert LAW.source(source.replaced_by or "").applies_from is not None


def test_the_pack_is_as_old_as_its_oldest_source() -> None:
    """`as_of` of the pack is the earliest of its sources'."""
    assert LAW.as_of == min(source.as_of for source in LAW.sources)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (None, "", "holds no law"),
        ("act.toml", "key =", "act.toml"),
        ("act.toml", VALID.replace('"1"', "1"), "version"),
        ("act.toml", VALID + "colour = 'red'\n", "colour"),
        ("other.toml", VALID, "name the file after it"),
    ],
)
def test_a_broken_pack_is_refused(tmp_path: Path, file: str | None, text: str, said: str) -> None:
    """No law, law that is not TOML, of the wrong type, with an unknown key or a wrong name: nothing is evaluated."""
    if file is not None:
        (tmp_path / file).write_text(text)
    with pytest.raises(CannotEvaluate, match=said):
        load_law(tmp_path)


def test_what_is_not_there_is_refused() -> None:
    """An unknown source, point or duty stops the run instead of passing as no law at all."""
    with pytest.raises(CannotEvaluate, match="no source"):
        LAW.source("lex-talionis")
    with pytest.raises(CannotEvaluate, match="no point"):
        LAW.point(Control("eu-ai-act", "Article 999"))
    with pytest.raises(CannotEvaluate, match="no duty"):
        LAW.duty("none")
