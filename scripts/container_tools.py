# SPDX-License-Identifier: Apache-2.0
"""How images are built and run where no container engine is installed: podman and buildah, and a base to build on.

The base is a stand-in for a slim Python image, made of the distribution's own packages: it shows what our layers do,
and says nothing of the size or the safety of a base that is published.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.tool_steps import Tool, ToolMissing, download, run

ENGINE = ("podman", "buildah", "runc", "conmon", "catatonit")
DYNAMIC = ("usr/bin/podman", "usr/bin/buildah", "usr/sbin/runc", "usr/bin/conmon")
BESIDE = ("golang-github-containers-common", "golang-github-containers-image")
# What sets up a system rather than running in it; nothing of it is needed to start a program.
SET_UP = ("cdebconf", "debconf", "dpkg", "install-info", "libdebian", "libperl", "perl")


def container_engine(tool: Tool, folder: Path) -> None:
    """Unpack podman and buildah with the libraries that they need, and scripts that lead them to all of it.

    They start themselves anew with an empty environment, so that where their libraries are stands in the programs.
    """
    with tempfile.TemporaryDirectory() as scratch:
        unpack((*ENGINE, *BESIDE, *libraries(*ENGINE)), folder)
        unpack(("patchelf",), Path(scratch) / "patch")
        patchelf = str(Path(scratch) / "patch" / "usr" / "bin" / "patchelf")
        places = sorted({str(found.parent.relative_to(folder)) for found in folder.glob("**/lib/*/lib*.so.*")})
        found = ":".join(str(tool.folder / place) for place in places)
        for program in DYNAMIC:
            run([patchelf, "--force-rpath", "--set-rpath", found, str(folder / program)], folder)
    configure(tool.folder, folder)
    for program in tool.programs:
        script = folder / program
        script.write_text(
            f'#!/bin/sh\nexport HOME="{tool.folder}/home" PATH="{tool.folder}/usr/bin:{tool.folder}/usr/sbin:$PATH"\n'
            f'export CONTAINERS_CONF="{tool.folder}/containers.conf"\n'
            f'export CONTAINERS_REGISTRIES_CONF="{tool.folder}/registries.conf"\n'
            f'exec "{tool.folder}/usr/bin/{program}" "$@"\n'
        )
        script.chmod(0o755)


def configure(place: Path, folder: Path) -> None:
    """Write the settings with which containers run without systemd, journal and a network of their own."""
    policy = folder / "home" / ".config" / "containers" / "policy.json"
    policy.parent.mkdir(parents=True)
    policy.write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    (folder / "registries.conf").write_text("")
    (folder / "containers.conf").write_text(
        '[containers]\ndefault_ulimits = []\nnetns = "host"\n'
        f'seccomp_profile = "{place}/usr/share/containers/seccomp.json"\n'
        f'init_path = "{place}/usr/bin/catatonit"\n'
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
        f'conmon_path = ["{place}/usr/bin/conmon"]\nhelper_binaries_dir = ["{place}/usr/bin"]\n'
        f'[engine.runtimes]\nrunc = ["{place}/usr/sbin/runc"]\n'
    )


def python_base(tool: Tool, folder: Path) -> None:
    """Make the root of a system that has Python and what Python needs, with nothing set up, as an archive."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        all_needed = needed("--recurse", "python3-venv", "coreutils", "dash", "libstdc++6", "ca-certificates")
        unpack(tuple(name for name in all_needed if not name.startswith(SET_UP)), root)
        (root / "usr" / "local" / "bin").mkdir(parents=True, exist_ok=True)
        (root / "usr" / "local" / "bin" / "python3").symlink_to("/usr/bin/python3")
        same = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"]
        run(["tar", *same, "-cf", str(folder / tool.programs[0]), "-C", str(root), "."], folder)


def libraries(*packages: str) -> list[str]:
    """What the packages load, and what that loads: further down there is nothing that they would touch."""
    first = [name for name in needed(*packages) if name.startswith("lib") and name != "libc6"]
    return sorted({name for name in (*first, *needed(*first)) if name.startswith("lib") and name != "libc6"})


def needed(*asked: str) -> list[str]:
    """The packages asked of apt-cache and what they cannot be without; with ``--recurse`` down to the last."""
    without = [f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")]
    answer = subprocess.run(["apt-cache", "depends", *without, *asked], check=False, capture_output=True, text=True)  # noqa: S607  (tool.needs was looked for)
    found = set(re.findall(r"^(?: *(?:Pre)?Depends: )?([a-z0-9][a-z0-9.+-]+)$", answer.stdout, re.MULTILINE))
    if not {name for name in asked if not name.startswith("-")} <= found:
        raise ToolMissing(f"apt does not know {', '.join(asked)}: run apt-get update, then make tools")
    return sorted(found)


def unpack(packages: Sequence[str], root: Path) -> None:
    """Put the files of packages where they would be installed."""
    with tempfile.TemporaryDirectory() as scratch:
        download(packages, Path(scratch))
        for archive in sorted(Path(scratch).glob("*.deb")):
            run(["dpkg", "-x", str(archive), str(root)], Path(scratch))
