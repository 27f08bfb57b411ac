# SPDX-License-Identifier: Apache-2.0
"""The resource graph of a Pulumi program as a target.

`read_infra` runs the program in a process of its own (`infra_program`), because it loads hundreds of megabytes, and
keeps the graph in the user's cache for as long as every file that the run read is the same. What the cloud would say
to the program is not known here: no provider is asked.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from policies.errors import CannotEvaluate, TargetUnreadable
from policies.place import Place
from policies.targets.infra_graph import Graph, file_digest, read_graph

FOLDER: Final = "infra_pulumi"
STACK: Final = "prod"
SECONDS: Final = 120
_PACKAGES: Final = Path(__file__).parent.parent.parent


class Resource(Struct, frozen=True, kw_only=True):
    """One resource as the program registered it; ``type`` is its Pulumi token, inputs have the provider's names.

    A resource's name stands for its id: whatever refers to it holds the name, or an ARN that ends in it.
    """

    type: str
    name: str
    inputs: dict[str, Any]
    place: Place
    """Where the program made it."""


class Infra(Struct, frozen=True, kw_only=True):
    """Every resource that the program registers for one stack. ``digest`` is that of the program's files."""

    name: str
    stack: str
    resources: tuple[Resource, ...]
    digest: str

    def of(self, *types: str) -> tuple[Resource, ...]:
        """The resources of these types, in order of registration."""
        return tuple(resource for resource in self.resources if resource.type in types)


def read_infra(name: str, cache: Path | None = None) -> Infra:
    """Read ``FOLDER`` or ``FOLDER:STACK``, by default `infra_pulumi:prod`. Raises TargetUnreadable, CannotEvaluate."""
    folder, _, stack = name.partition(":")
    root, stack = Path(folder or FOLDER), stack or STACK
    for file in ("__main__.py", "Pulumi.yaml", f"Pulumi.{stack}.yaml"):
        if not (root / file).is_file():
            raise TargetUnreadable(
                Place(f"{root}/{file}"),
                "is missing, so there is no Pulumi program to run; mend the folder or the stack",
            )
    graph = _graph(root, stack, cache or _cache(os.environ.get("XDG_CACHE_HOME")))
    if len(graph.resources) < 2:
        raise TargetUnreadable(
            Place(f"{root}/__main__.py"), f"registers no resource for stack {stack}; mend the program"
        )
    resources = tuple(
        Resource(
            type=item.type, name=item.name, inputs=item.inputs, place=Place(_shown(item.file, root), max(item.line, 1))
        )
        for item in graph.resources
    )
    return Infra(name=str(root), stack=stack, resources=resources, digest=_digest(graph, root, stack))


def _cache(home: str | None) -> Path:
    return (Path(home) if home else Path.home() / ".cache") / "countersign" / "infra"


def _graph(root: Path, stack: str, cache: Path) -> Graph:
    kept = cache / f"{_key(root, stack)}.json"
    graph = read_graph(kept)
    if graph is not None and graph.unchanged:
        return graph
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".run-", dir=cache) as scratch:
        output = Path(scratch) / "graph.json"
        _run(root, stack, output)
        graph = read_graph(output)
        if graph is None:
            raise TargetUnreadable(_main(root), "ended without a resource graph; mend the program")
        output.replace(kept)
    return graph


def _key(root: Path, stack: str) -> str:
    """What a run depends on besides the files that it reports: interpreter, packages, and the program's own files."""
    # Imported here: every run of the gate knows this type, and few read a program.
    from importlib import metadata

    try:
        versions = [metadata.version(package) for package in ("pulumi", "pulumi-aws")]
    except metadata.PackageNotFoundError as error:
        raise CannotEvaluate(f"the package {error.name} is missing; install countersign with the extra infra") from None
    files = sorted(path for pattern in ("*.py", "Pulumi*.yaml") for path in root.rglob(pattern))
    parts = [str(root.resolve()), stack, sys.version, sys.executable, *versions]
    parts += [f"{path.relative_to(root)} {file_digest(path)}" for path in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _run(root: Path, stack: str, output: Path) -> None:
    command = [sys.executable, "-P", "-W", "ignore", "-m", "policies.targets.infra_program"]
    # Nothing of the caller's environment reaches the program, or the graph would depend on it.
    environment = {"PATH": os.defpath, "HOME": str(output.parent), "LANG": "C.UTF-8", "PYTHONPATH": str(_PACKAGES)}
    try:
        finished = subprocess.run(
            [*command, str(root.resolve()), stack, str(output)],
            check=False,
            capture_output=True,
            cwd=root,
            env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise TargetUnreadable(
            Place(f"{root}/__main__.py"), f"did not end within {SECONDS} s; mend the program"
        ) from None
    if finished.returncode != 0:
        said = finished.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {finished.returncode}"]
        raise TargetUnreadable(_place(said[-1], root), f"the program failed: {said[-1]}; mend it")


def _place(line: str, root: Path) -> Place:
    """Where a failure points, if it says ``file:line: …``."""
    file, number, *_ = (*line.split(":", 2), "", "")
    if file.startswith(str(root.resolve())) and number.isdecimal():
        return Place(_shown(file, root), int(number))
    return _main(root)


def _main(root: Path) -> Place:
    return Place(f"{root}/__main__.py")


def _shown(file: str, root: Path) -> str:
    """A file of the program as the user would name it."""
    path, resolved = Path(file), root.resolve()
    return str(root / path.relative_to(resolved)) if path.is_relative_to(resolved) else file


def _digest(graph: Graph, root: Path, stack: str) -> str:
    parts = sorted(f"{_shown(name, root)} {digest}" for name, digest in graph.files.items())
    return hashlib.sha256("\n".join([stack, *parts]).encode()).hexdigest()
