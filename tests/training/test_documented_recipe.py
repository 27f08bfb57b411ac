# SPDX-License-Identifier: Apache-2.0
"""The recipe in the documentation works as it stands there."""

import re
from pathlib import Path

import pytest

from contracts.bundle import load_bundle
from contracts.model_card_evidence import Metric
from countersign.__main__ import main
from training.description import MEASURED, Training

PAGE = (Path(__file__).parents[2] / "docs" / "train-your-own.md").read_text(encoding="utf-8")


def test_the_documented_recipe_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Copied from the page and trained by the command, it gives the bundle that the page then serves."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    recipe = tmp_path / "machine_service.py"
    recipe.write_text(code)
    assert main(["train", str(recipe), "--out", str(tmp_path / "models")]) == 0, capsys.readouterr().err
    card = load_bundle(tmp_path / "models" / "machine-service" / "1.0.0").card
    assert (card.output.label_field, card.output.score_field) == ("advice", "risk")
    assert card.explanation is not None
    assert isinstance((card.metrics or {})["ece"], Metric)


def test_the_page_names_every_setting_and_every_measured_key() -> None:
    """A new setting or a newly measured key is documented, with the value it has unless given."""
    defaults = Training()
    for name in Training.__struct_fields__:
        row = next(line for line in PAGE.splitlines() if line.startswith("| `") and f"`{name}`" in line)
        assert f"{getattr(defaults, name)}".replace("e-0", "e-") in row
    assert all(f"`{key}`" in PAGE for key in MEASURED)
