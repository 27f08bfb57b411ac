# SPDX-License-Identifier: Apache-2.0
"""A version is compared with the one before on the same rows, and silence about an older version is found."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from policies.recomputation.recompute import recompute
from policies.rules.performance.previous_version import check
from tests.policies.examples import run
from tests.policies.recomputation.made import constant, write

NEXT = {"version": "1.1.0", "previous_version": "1.0.0"}
NO_LIST: dict[str, bytes | None] = {"evidence/training-rows.txt": None}


def _judge(folder: Path, patch: dict[str, Any], files: dict[str, bytes | None] | None = None) -> Any:
    return check(recompute(write(folder / "1.1.0", patch, files)), run())


def test_the_same_model_again_is_no_worse(tmp_path: Path) -> None:
    """Every difference is nothing, and McNemar has nothing to say."""
    write(tmp_path / "1.0.0", files=NO_LIST)
    target = recompute(write(tmp_path / "1.1.0", NEXT))
    assert target.measured is not None
    compared = target.measured.comparison
    assert compared is not None
    assert (compared.version, compared.rows, compared.better, compared.worse) == ("1.0.0", 500, 0, 0)
    assert compared.p_value == 1.0
    assert {metric.value for metric in compared.differences.values()} == {0.0}
    judgement = check(target, run())
    assert judgement.findings == ()
    assert judgement.not_applicable is None


def test_a_worse_version_fails(tmp_path: Path) -> None:
    """A constant model in the place of the real one: accuracy, ranking and calibration are worse beyond chance."""
    write(tmp_path / "1.0.0", files=NO_LIST)
    judgement = _judge(tmp_path, NEXT, {"model.onnx": constant()})
    worse = {finding.message.split()[0] for finding in judgement.findings}
    assert {"accuracy", "roc_auc", "brier"} <= worse
    assert all(finding.place.line > 1 for finding in judgement.findings)


def test_a_better_version_passes(tmp_path: Path) -> None:
    """The other way round."""
    write(tmp_path / "1.0.0", {"evaluation": {"recomputable_from": "model"}}, {"model.onnx": constant(), **NO_LIST})
    target = recompute(write(tmp_path / "1.1.0", NEXT))
    judgement = check(target, run())
    assert [finding.message for finding in judgement.findings if "ece" not in finding.message] == []
    assert target.measured is not None
    assert target.measured.comparison is not None
    assert target.measured.comparison.better > target.measured.comparison.worse


def test_rows_that_the_earlier_version_knows_are_left_out(tmp_path: Path) -> None:
    """With the same split nothing was trained on; if too few new rows remain there is no comparison."""
    write(tmp_path / "1.0.0")
    target = recompute(write(tmp_path / "1.1.0", NEXT))
    assert target.measured is not None
    assert target.measured.comparison is not None
    assert target.measured.comparison.rows == 500
    everything = (tmp_path / "1.1.0/evidence/evaluation.csv").read_text("utf-8").splitlines()[1:]
    known = "".join(sorted(f"{_digest(line.split(',', 1)[1])}\n" for line in everything))
    write(tmp_path / "1.0.0", files={"evidence/training-rows.txt": known.encode()})
    judgement = check(recompute(write(tmp_path / "1.1.0", NEXT)), run())
    assert "only 0 evaluation rows are new" in judgement.findings[0].message


def _digest(line: str) -> str:
    return hashlib.sha256(f"{line}\n".encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"version": "1.1.0"}, "names no previous version, but 1.0.0 lies beside it"),
        ({"version": "1.1.0", "previous_version": "0.9.0"}, "cannot be compared"),
        ({"version": "1.1.0", "previous_version": "../1.0.0"}, "names no other version"),
        ({"version": "1.1.0", "previous_version": "1.1.0"}, "names no other version"),
        ({"version": "1.1.0", "previous_version": "1.0.0", "model_id": "another"}, "is another model"),
    ],
)
def test_a_comparison_that_cannot_be_made_fails(patch: dict[str, Any], words: str, tmp_path: Path) -> None:
    """What was not compared is not known to be no worse."""
    write(tmp_path / "1.0.0")
    judgement = _judge(tmp_path, patch)
    assert words in judgement.findings[0].message


def test_an_earlier_artifact_that_is_not_its_cards_is_not_run(tmp_path: Path) -> None:
    """A changed file beside the bundle is named, and nothing is compared with it."""
    write(tmp_path / "1.0.0")
    (tmp_path / "1.0.0/model.onnx").write_bytes(constant())
    judgement = _judge(tmp_path, NEXT)
    assert "is not the file that its card names" in judgement.findings[0].message


def test_predictions_alone_cannot_be_compared(tmp_path: Path) -> None:
    """The earlier version can only be asked rows whose features are there."""
    write(tmp_path / "1.0.0")
    patch = {**NEXT, "evaluation": {"recomputable_from": "predictions"}}
    judgement = _judge(tmp_path, patch, {"evidence/evaluation.csv": None})
    assert "figures come from predictions alone" in judgement.findings[0].message


def test_other_labels_cannot_be_compared(tmp_path: Path) -> None:
    """Labels are compared by name."""
    labels = {"labels": ["leaves", "stays"], "positive": "leaves"}
    write(tmp_path / "1.0.0", {"output": labels})
    judgement = _judge(tmp_path, NEXT)
    assert "answers with other labels" in judgement.findings[0].message
