# SPDX-License-Identifier: Apache-2.0
"""Asks the git binary about a repository; neither the machine's configuration nor the caller's changes the answer.

Only questions are asked: nothing is fetched, written or signed, and no hook, pager or file-system monitor runs.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from policies.errors import CannotEvaluate, TargetUnreadable
from policies.place import Place

SECONDS: Final = 60
_SETTINGS: Final = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "log.showSignature=false",
)


def ask(root: Path, *arguments: str) -> str:
    """What git answers. Raises TargetUnreadable with git's own words, CannotEvaluate without git."""
    program = shutil.which("git")
    if program is None:
        raise CannotEvaluate("git is not installed; a repository is judged by its history: install git")
    settings = [flag for setting in (*_SETTINGS, f"safe.directory={root.resolve()}") for flag in ("-c", setting)]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }
    try:
        finished = subprocess.run(
            [program, *settings, *arguments],
            check=False,
            capture_output=True,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise TargetUnreadable(Place(str(root)), f"git {arguments[0]} did not end within {SECONDS} s") from None
    if finished.returncode != 0:
        said = " ".join(finished.stderr.decode("utf-8", "replace").split()) or f"exit code {finished.returncode}"
        raise TargetUnreadable(
            Place(str(root)), f"git {arguments[0]} refuses: {said}; name a checkout with its history"
        )
    return finished.stdout.decode("utf-8", "surrogateescape")
