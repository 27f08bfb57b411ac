# SPDX-License-Identifier: Apache-2.0
"""Set-up: done once, taken up again after an interruption, and clear about what it lacks."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import environment


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a lock and an environment that runs, in which installing is only written down."""
    for name in ("requirements/demo.txt", "requirements/dev.txt", "pyproject.toml", ".venv/pyvenv.cfg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "STAMPS", tmp_path / ".venv" / "stamps")
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path / "requirements")
    monkeypatch.setattr(environment, "runs", lambda python: True)
    return tmp_path


@pytest.fixture
def steps(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that set-up would have run."""
    ran: list[list[str]] = []
    monkeypatch.setattr(environment, "run", ran.append)
    return ran


def test_a_second_set_up_does_nothing(steps: list[list[str]]) -> None:
    """An unchanged lock is installed once."""
    environment.set_up("demo")
    first = len(steps)
    environment.set_up("demo")
    assert first == len(steps) == 2


def test_a_changed_lock_is_installed_again(checkout: Path, steps: list[list[str]]) -> None:
    """The stamp belongs to the bytes of the lock."""
    environment.set_up("demo")
    (checkout / "requirements" / "demo.txt").write_text("another pin")
    environment.set_up("demo")
    assert len(steps) == 4


def test_development_covers_the_demonstration_but_not_the_reverse(steps: list[list[str]]) -> None:
    """After `make setup` the demonstration needs nothing; after the demonstration development still does."""
    environment.set_up("dev")
    environment.set_up("demo")
    assert len(steps) == 2
    shutil.rmtree(environment.STAMPS)
    environment.set_up("demo")
    environment.set_up("dev")
    assert len(steps) == 6


def test_an_interrupted_set_up_leaves_no_stamp(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stamp from before is gone as soon as anything changes, and comes back only at the end."""
    monkeypatch.setattr(environment, "run", lambda command: None)
    environment.set_up("demo")
    (checkout / "requirements" / "demo.txt").write_text("another pin")
    monkeypatch.setattr(environment, "run", interrupt)
    assert environment.main(["demo"]) == 130
    assert not environment.STAMPS.exists()


def interrupt(command: list[str]) -> None:
    """Stand in for a step during which a person presses Ctrl-C."""
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("version", "arguments", "says"),
    [((3, 10, 4), ["demo"], "Python 3.10.4 is too old"), ((3, 11, 0), ["everything"], "usage:")],
)
def test_set_up_says_in_one_line_what_it_needs(
    version: tuple[int, int, int],
    arguments: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Too old a Python or an unknown lock: exit code 1 and one line on stderr."""
    monkeypatch.setattr(sys, "version_info", version)
    assert environment.main(arguments) == 1
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1


def test_a_failing_step_is_named(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When a step fails, set-up stops with its command and exit code and without a traceback."""
    monkeypatch.setattr(environment, "environment_pip", refusing(["false"]))
    assert environment.main(["demo"]) == 1
    assert "exit code 1 from: false install" in capsys.readouterr().err
    assert not environment.STAMPS.exists()


def refusing(command: list[str]) -> Callable[[], list[str]]:
    """Stand in for pip with a program that fails."""
    return lambda: command
