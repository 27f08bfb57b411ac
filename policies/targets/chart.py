# SPDX-License-Identifier: Apache-2.0
"""A chart as rendered by the real helm, with every object placed in the template that it came from.

The line of a place is the line in the file that ``helm template countersign CHART --include-crds --output-dir DIR``
writes for the template, because a template's own lines do not survive rendering. Hooks, tests and custom resource
definitions are rendered, too: all of it is judged. Helm runs with folders of its own, so that no plug-in and no
repository of the machine takes part.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from policies.errors import CannotEvaluate, TargetUnreadable
from policies.place import Place
from policies.targets.manifest import Manifest
from policies.targets.manifest_files import read_folder

CHART_FILE: Final = "Chart.yaml"
RELEASE: Final = "countersign"
SECONDS: Final = 60


def is_chart(root: Path) -> bool:
    """Whether a folder is a chart rather than a rendering."""
    return (root / CHART_FILE).is_file()


def find_helm(environment: Mapping[str, str]) -> Path:
    """The helm that ``HELM`` or ``PATH`` names. Raises CannotEvaluate."""
    named = environment.get("HELM")
    found = shutil.which(named or "helm", path=environment.get("PATH"))
    if found is None:
        what = f"HELM names {named}, which is no program" if named else "helm is not installed"
        raise CannotEvaluate(f"{what}; a chart is rendered by helm: install it, or set HELM to where it is")
    return Path(found)


def render(
    chart: Path, values: tuple[Path, ...], helm: Path | None = None, namespace: str | None = None
) -> tuple[Manifest, ...]:
    """Every object of a chart, by template. Raises TargetUnreadable, also where there is none, and CannotEvaluate."""
    for file in values:
        if not file.is_file():
            raise TargetUnreadable(Place(str(file)), "is not a values file; mend its name behind the colon")
    with tempfile.TemporaryDirectory(prefix="countersign-helm-") as scratch:
        rendered = Path(scratch) / "rendered"
        flags = [flag for file in values for flag in ("--values", str(file))]
        flags += [] if namespace is None else ["--namespace", namespace]
        _template(chart, flags, helm or find_helm(os.environ), rendered)
        written = list(rendered.iterdir()) if rendered.is_dir() else []
        if len(written) != 1:
            raise TargetUnreadable(Place(str(chart)), "renders no object; mend its values")
        return read_folder(written[0], f"{chart} (rendered)", suffixes=None)


def _template(chart: Path, flags: list[str], helm: Path, into: Path) -> None:
    command = [str(helm), "template", RELEASE, str(chart), "--include-crds", "--output-dir", str(into), *flags]
    home = into.parent
    folders = {f"HELM_{part}_HOME": str(home / part.lower()) for part in ("CACHE", "CONFIG", "DATA")}
    environment = {"HOME": str(home), "PATH": os.defpath, "HELM_PLUGINS": str(home / "plugins"), **folders}
    try:
        finished = subprocess.run(
            command, check=False, capture_output=True, env=environment, stdin=subprocess.DEVNULL, timeout=SECONDS
        )
    except OSError as error:
        raise CannotEvaluate(f"{helm} cannot be started: {error.strerror}; install helm, or set HELM") from None
    except subprocess.TimeoutExpired:
        raise CannotEvaluate(f"{helm} did not render {chart} within {SECONDS} s; render it beforehand") from None
    if finished.returncode != 0:
        said = " ".join(finished.stderr.decode("utf-8", "replace").split()) or f"exit code {finished.returncode}"
        raise TargetUnreadable(Place(f"{chart}/{CHART_FILE}"), f"helm does not render the chart: {said}")
