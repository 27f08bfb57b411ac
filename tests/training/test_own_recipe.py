# SPDX-License-Identifier: Apache-2.0
"""A model of one's own takes the command and nothing else; what is wrong with a recipe is said in one line."""

import json
from pathlib import Path

import numpy as np
import pytest

from contracts.bundle import load_bundle
from contracts.onnx_runtime import onnx_runtime
from countersign.__main__ import main

RECIPE = Path(__file__).parents[1] / "fixtures" / "recipes" / "support_tickets.py"
GOOD = """
from sklearn.linear_model import LogisticRegression
from training.recipe import Table
def load():
    return Table({"x": [float(n) for n in range(40)]}, ["low"] * 20 + ["high"] * 20)
def estimator():
    return LogisticRegression()
def describe():
    return {
        "model_id": "small", "version": "1.0.0", "training_date": "2026-11-20", "subject_field": "who",
        "features": [{"name": "x", "type": "number"}],
        "output": {"positive": "high", "threshold": 0.5},
        "training": {"resamples": 100},
    }
"""


def _train(folder: Path, recipe: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    path = folder / "own.py"
    path.write_text(recipe)
    code = main(["train", str(path), "--out", str(folder / "models")])
    return code, capsys.readouterr().err


def test_a_foreign_pipeline_becomes_a_bundle_that_answers(tmp_path: Path) -> None:
    """Free text, a tree ensemble, three classes and other names, through the command only."""
    assert main(["train", str(RECIPE), "--out", str(tmp_path)]) == 0
    bundle = load_bundle(tmp_path / "support-tickets" / "0.3.0")
    card = bundle.card
    assert card.output.labels == ("billing", "moving", "network")
    assert card.explanation is None
    assert card.metrics is not None
    assert card.metrics["accuracy"].value > 0.8
    session = onnx_runtime().InferenceSession(bundle.artifact_bytes, providers=["CPUExecutionProvider"])
    assert [item.name for item in session.get_inputs()] == [feature.name for feature in card.features]
    assert [item.type for item in session.get_inputs()] == [
        "tensor(string)", "tensor(string)", "tensor(double)", "tensor(int64)", "tensor(bool)",
    ]  # fmt: skip
    row = {
        "message": np.array([["Hello again, you charged me twice"], ["the line is dead"]], dtype=object),
        "channel": np.array([["app"], ["letter"]], dtype=object),
        "hours_open": np.array([[2.0], [30.0]]),
        "earlier_tickets": np.array([[0], [5]], dtype=np.int64),
        "urgent": np.array([[False], [True]]),
    }
    (found,) = session.run(["probabilities"], row)
    assert found.dtype == np.float64
    assert [card.output.labels[place] for place in found.argmax(axis=1)] == ["billing", "network"]
    assert found.sum(axis=1) == pytest.approx([1.0, 1.0], abs=1e-6)


def test_a_linear_recipe_gets_exact_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No recipe asks for an explanation: a linear model gets one, here for the label that is first by name."""
    assert _train(tmp_path, GOOD, capsys) == (0, "")
    bundle = load_bundle(tmp_path / "models" / "small" / "1.0.0")
    assert bundle.card.explanation is not None
    explanation = json.loads(bundle.read(bundle.card.explanation.file))
    assert explanation["class"] == "high"
    assert explanation["features"][0]["coefficient"] > 0


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("def load", "def lode", "has no function `load()`"),
        ("return LogisticRegression()", "raise KeyError('c')", "estimator() failed at own.py:7: KeyError: 'c'"),
        ("import Table", "import Tables", "cannot be run at own.py:3: ImportError"),
        ("LogisticRegression()", "1", "'int' object has no attribute 'fit'"),
        ('"subject_field": "who",', "", "missing required field `subject_field`"),
        ('"type": "number"', '"type": "decimal"', "Invalid enum value 'decimal'"),
        ('"positive": "high"', '"positive": "higher"', "output.positive must be one of the labels high, low"),
        (', "threshold": 0.5', "", "need output.threshold"),
        ('"training": {', '"metrics": {}, "training": {', "`metrics`, which training measures"),
        ('"training": {', '"training": {"seeds": 1, ', "unknown field `seeds`"),
        ('"name": "x"', '"name": "y"', "different features: x, y"),
        ('["low"] * 20 + ["high"] * 20)', '["low"] * 40)', "rows of every label"),
        ("range(40)", "range(39)", "different lengths"),
        (
            "linear_model import LogisticRegression",
            "dummy import DummyClassifier as LogisticRegression",
            "cannot be converted to ONNX",
        ),
        ("def describe():", "def describe():\n    return [0]\ndef unused():", "describe() must return a mapping"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, what: str
) -> None:
    """Exit code 2, one line on stderr that names the fault, no traceback, nothing written."""
    assert old in GOOD
    code, error = _train(tmp_path, GOOD.replace(old, new, 1), capsys)
    assert code == 2
    assert what in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "models").exists()


def test_a_released_bundle_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same recipe again changes nothing; another model under the same version is refused."""
    assert _train(tmp_path, GOOD, capsys)[0] == 0
    card = tmp_path / "models" / "small" / "1.0.0" / "card.yaml"
    before = card.read_bytes()
    assert _train(tmp_path, GOOD, capsys)[0] == 0
    code, error = _train(tmp_path, GOOD.replace("LogisticRegression()", "LogisticRegression(C=0.1)"), capsys)
    assert code == 2
    assert "already holds a different bundle; raise `version`" in error
    assert card.read_bytes() == before


@pytest.mark.parametrize("name", ["nothing", "nothing.py"])
def test_a_recipe_that_is_not_there_is_named(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown name lists the known ones; a missing file is called missing."""
    assert main(["train", name]) == 2
    assert ("name one of telecom-churn" if name == "nothing" else "no file nothing.py") in capsys.readouterr().err


def test_a_pipeline_that_converts_inexactly_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tolerance is kept: leaf sums in single precision do not pass for 1e-9."""
    recipe = RECIPE.read_text().replace('"tolerance": 1e-6', '"tolerance": 1e-12')
    code, error = _train(tmp_path, recipe, capsys)
    assert code == 2
    assert "differs from the scikit-learn pipeline" in error
