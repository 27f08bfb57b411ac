# SPDX-License-Identifier: Apache-2.0
"""A broken or hostile artifact ends its own process and becomes an error that names the file."""

from pathlib import Path

import numpy as np
import pytest

from policies.errors import TargetUnreadable
from policies.place import Place
from policies.recomputation import artifact
from policies.recomputation.artifact import running
from tests.policies.examples import released
from tests.policies.recomputation.made import (
    constant,
    endless,
    insatiable,
    model,
    of_the_neighbours,
    with_weights_beside,
)

PLACE = Place("models/made/1.0.0/model.onnx")
NAMES = ["tenure_months", "monthly_charges", "total_charges", "num_complaints"]
ROWS: list[list[float]] = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7, 8]]


def _ask(
    data: bytes, names: list[str] = NAMES, *, alone: bool = False
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    with running(data, PLACE, names, 2) as process:
        return process.probabilities(ROWS, alone=alone)


def test_an_artifact_answers_rows() -> None:
    """Together or one by one, and again."""
    with running(constant(), PLACE, NAMES, 2) as process:
        for alone in (False, True, False):
            assert process.probabilities(ROWS, alone=alone).tolist() == [[0.6, 0.4]] * 2


def test_a_row_can_depend_on_its_neighbours() -> None:
    """Asking alone and together shows it."""
    assert not np.allclose(_ask(of_the_neighbours()), _ask(of_the_neighbours(), alone=True))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be run"),
        (b"not a model", "cannot be run"),
        (constant()[:-7], "cannot be run"),
        (model([], {}), "cannot be run"),
        (insatiable(), "cannot be run|ended the process"),
    ],
)
def test_a_broken_artifact_is_an_error(data: bytes, words: str) -> None:
    """Bytes that are no model, half of one, and a model that wants all memory."""
    with pytest.raises(TargetUnreadable, match=words) as refused:
        _ask(data)
    assert refused.value.place == PLACE


def test_every_cut_of_a_real_artifact_is_an_error() -> None:
    """No truncation of a released model takes the gate down."""
    whole = released("telecom-churn").artifact
    for size in range(1, len(whole), len(whole) // 6):
        with pytest.raises(TargetUnreadable):
            _ask(whole[:size])


def test_an_endless_artifact_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop in the model does not hold the gate."""
    monkeypatch.setattr(artifact, "_SECONDS", 3)
    with pytest.raises(TargetUnreadable, match="ran longer than 3 s"):
        _ask(endless())


def test_a_crash_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the runtime does to its process by a fault of its own is named with its signal."""
    program = tmp_path / "crash.py"
    program.write_text("import os\nos.abort()\n", "utf-8")
    monkeypatch.setattr(artifact, "_PROGRAM", program)
    with pytest.raises(TargetUnreadable, match="SIGABRT"):
        _ask(constant())


def test_a_process_that_ends_before_it_has_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large artifact is still on its way when nobody reads it any more."""
    program = tmp_path / "end.py"
    program.write_text("", "utf-8")
    monkeypatch.setattr(artifact, "_PROGRAM", program)
    with pytest.raises(TargetUnreadable, match="exit code 0"):
        _ask(bytes(10_000_000))


@pytest.mark.parametrize("location", ["weights.bin", "/etc/passwd", "../../weights.bin"])
def test_weights_beside_the_artifact_are_not_read(
    location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that no digest covers is not part of the model, wherever the gate was started."""
    (tmp_path / "weights.bin").write_bytes(b"\0" * 64)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TargetUnreadable, match="cannot be run"):
        _ask(with_weights_beside(location))


@pytest.mark.parametrize(
    ("data", "names", "words"),
    [
        (constant(), ["tenure_months", "charges"], "cannot be run"),
        (constant(), ["features"], "probabilities of shape|cannot be run"),
        (model([], {}, output="scores"), NAMES, "cannot be run"),
    ],
)
def test_an_artifact_for_other_features_is_an_error(data: bytes, names: list[str], words: str) -> None:
    """Inputs and output are those of the card."""
    with pytest.raises(TargetUnreadable, match=words), running(data, PLACE, names, 2) as process:
        process.probabilities(ROWS[: len(names)])


def test_another_number_of_labels_is_an_error() -> None:
    """One column for each label of the card."""
    with pytest.raises(TargetUnreadable, match="3 labels"), running(constant(), PLACE, NAMES, 3) as process:
        process.probabilities(ROWS)


def test_secrets_of_the_environment_stay_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The process gets what Python needs to start, and nothing else."""
    monkeypatch.setenv("A_TOKEN", "secret")
    program, heard = tmp_path / "tell.py", tmp_path / "environment"
    program.write_text(f"import os\nopen({str(heard)!r}, 'w').write(repr(dict(os.environ)))\n", "utf-8")
    monkeypatch.setattr(artifact, "_PROGRAM", program)
    with pytest.raises(TargetUnreadable):
        _ask(constant())
    assert "secret" not in heard.read_text("utf-8")
