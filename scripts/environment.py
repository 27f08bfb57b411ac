# SPDX-License-Identifier: Apache-2.0
"""Brings .venv in line with one lock file, or does nothing when it already is.

Needs a Python from 3.11 on, with the venv module or with pip. A stamp inside the environment holds the digest of
all that was installed: it is removed before anything changes and written last, so that an interrupted set-up is
never taken for a finished one. Outside tools that are not Python packages are left to the Makefile.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

# Annotations that an old Python could not evaluate are quoted, so that it gets as far as being told that it is too old.
OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "countersign-stamps"
REQUIREMENTS = ROOT / "requirements"

# Only what the lock names by hash, and wheels alone: nothing from outside runs while it is being installed.
LOCKED = ("--require-hashes", "--only-binary", ":all:", "--root-user-action", "ignore")

# A lock on the left is satisfied by an environment that was made from any lock on the right.
SATISFIED_BY = {"demo": ("demo", "dev"), "dev": ("dev",)}


class SetUpFailed(Exception):
    """Set-up cannot go on; the message says what to do."""


def main(arguments: "list[str]") -> int:
    """Set up for the named lock; 0 when .venv matches it, 1 with one line on stderr when it cannot be made to."""
    if sys.version_info < OLDEST:
        found = ".".join(str(part) for part in sys.version_info[:3])
        print(f"Python {found} is too old: install 3.11 or newer, or name one: make PYTHON=python3.12", file=sys.stderr)
        return 1
    if len(arguments) != 1 or arguments[0] not in SATISFIED_BY:
        print(f"usage: environment.py {'|'.join(SATISFIED_BY)}", file=sys.stderr)
        return 1
    try:
        set_up(arguments[0])
    except SetUpFailed as failure:
        print(f"set-up: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("set-up: interrupted; the same command takes it up again", file=sys.stderr)
        return 130
    return 0


def set_up(name: str) -> None:
    """Install the lock and the project into .venv, unless a stamp says that this has been done."""
    if any(is_stamped(lock) for lock in SATISFIED_BY[name]):
        return
    print(f"set-up: installing requirements/{name}.txt into .venv (once)", flush=True)
    if not runs(VENV_PYTHON):
        create_environment()
    shutil.rmtree(STAMPS, ignore_errors=True)
    pip = environment_pip()
    run([*pip, "install", "--quiet", *LOCKED, "--requirement", str(REQUIREMENTS / f"{name}.txt")])
    install_project(pip)
    STAMPS.mkdir()
    unfinished = STAMPS / f"{name}.unfinished"
    unfinished.write_text(digest(name))
    unfinished.rename(STAMPS / name)


def digest(name: str) -> str:
    """Change whenever the lock, the project's metadata or the Python that made the environment changes."""
    hashed = hashlib.sha256(str(ROOT).encode())
    for path in (REQUIREMENTS / f"{name}.txt", ROOT / "pyproject.toml", VENV / "pyvenv.cfg"):
        hashed.update(path.read_bytes())
    return hashed.hexdigest()


def is_stamped(name: str) -> bool:
    """Whether the environment runs and was made from exactly this lock."""
    stamp = STAMPS / name
    return stamp.is_file() and runs(VENV_PYTHON) and stamp.read_text() == digest(name)


def runs(python: Path) -> bool:
    """Whether this interpreter exists, starts and is new enough; a moved or half-made environment's does not."""
    question = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    return python.exists() and subprocess.run([str(python), "-c", question], check=False).returncode == 0


def create_environment() -> None:
    """Make .venv with the standard library, or with virtualenv where Python was packaged without venv."""
    if importlib.util.find_spec("venv") is not None:
        with_pip = importlib.util.find_spec("ensurepip") is not None
        run([sys.executable, "-m", "venv", "--clear", *([] if with_pip else ["--without-pip"]), str(VENV)])
        return
    require_pip()
    borrowed = ROOT / "build" / "virtualenv"
    shutil.rmtree(borrowed, ignore_errors=True)
    lock = REQUIREMENTS / "bootstrap.txt"
    run([sys.executable, "-m", "pip", "install", "--quiet", *LOCKED, "--target", str(borrowed), "-r", str(lock)])
    start = (
        f"import runpy, sys; sys.path.insert(0, {str(borrowed)!r}); runpy.run_module('virtualenv', None, '__main__')"
    )
    run([sys.executable, "-c", start, "--clear", "--no-download", str(VENV)])


def environment_pip() -> "list[str]":
    """Give the command of a pip that installs into .venv: its own, else the pip of the Python that runs this."""
    if subprocess.run([str(VENV_PYTHON), "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        return [str(VENV_PYTHON), "-m", "pip"]
    require_pip()
    return [sys.executable, "-m", "pip", "--python", str(VENV_PYTHON)]


def require_pip() -> None:
    """Say how to get pip where there is none."""
    if importlib.util.find_spec("pip") is None:
        raise SetUpFailed(f"{sys.executable} has no pip: install it (Debian, Ubuntu: apt-get install python3-pip)")


def install_project(pip: "list[str]") -> None:
    """Put the countersign command into .venv, importing from this checkout, built by the locked setuptools."""
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    run([*pip, "install", "--quiet", *offline, "--editable", str(ROOT)])


def run(command: "list[str]") -> None:
    """Run one step with its output shown; a step that fails ends the set-up."""
    # The build backend warns of what an editable install always is; errors are shown all the same.
    finished = subprocess.run(command, check=False, cwd=ROOT, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    if finished.returncode != 0:
        raise SetUpFailed(f"exit code {finished.returncode} from: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
