# SPDX-License-Identifier: Apache-2.0
"""Building and running images without an engine on the machine, in a storage and a network of their own."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from scripts import tools
from tests.cluster.network import Network
from tests.conformance.outside import outside
from tests.tree import ROOT

BASE: Final = "localhost/stand-in:1"
_SLOW: Final = 900
_CERTIFICATES: Final = Path("/etc/ssl/certs")


class Engine:
    """podman and buildah as `make tools` brings them; ``folder`` takes every image and container."""

    def __init__(self, folder: Path, network: Network) -> None:
        self._folder = folder
        self._network = network
        self._runroot = tempfile.mkdtemp(prefix="countersign-")  # podman takes no path of more than 50 characters
        self._storage = [
            "--root",
            str(folder / "storage"),
            "--runroot",
            self._runroot,
            "--storage-driver",
            "overlay",
        ]

    def podman(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run podman inside the network; AssertionError when it fails, unless that is what is looked at."""
        with self._network.inside():
            return _run([str(outside("podman")), *self._storage, *words], check)

    def import_base(self) -> None:
        """Take the stand-in for a slim Python image."""
        self.podman("import", str(outside("python-base.tar")), BASE)

    def build(self, target: str, *arguments: str, anew: bool = False) -> str:
        """Build one target of the Dockerfile as the documentation does; its tag.

        Outside of the network, for packages come from an index: a step is lent this machine's certificates, too.
        """
        lent = self._folder / "pip.conf"
        lent.write_text(f"[global]\ncert = {_CERTIFICATES / 'ca-certificates.crt'}\ncache-dir = /packages\n")
        kept = tools.cache() / "packages"
        kept.mkdir(parents=True, exist_ok=True)
        tag = f"localhost/countersign-{target}:test"
        given = [word for argument in (f"PYTHON_IMAGE={BASE}", *arguments) for word in ("--build-arg", argument)]
        command = [str(outside("buildah")), *self._storage, "build", "--isolation", "chroot", "--format", "docker"]
        command += [
            "--timestamp",
            "0",
            *(["--no-cache"] if anew else ["--layers"]),
            "--secret",
            f"id=pip,src={lent}",
            *given,
        ]
        command += ["--volume", f"{kept}:/packages", "--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"]
        command += ["--target", target, "--tag", tag, str(ROOT)]
        _run(command, check=True)
        return tag

    def files(self, image: str) -> Path:
        """The image's files, until the storage goes."""
        return Path(self.podman("image", "mount", image).stdout.strip())

    def inspect(self, image: str) -> dict[str, Any]:
        """What stands in the image's configuration."""
        (found,) = json.loads(self.podman("image", "inspect", image).stdout)
        return dict(found)

    def close(self) -> None:
        """End every container and give back every mount."""
        self.podman("pod", "rm", "--all", "--force", "--time", "3", check=False)
        self.podman("rm", "--all", "--force", "--time", "3", check=False)
        self.podman("image", "unmount", "--all", "--force", check=False)
        subprocess.run(["umount", str(self._folder / "storage" / "overlay")], check=False, capture_output=True)
        for folder in (self._runroot, self._folder / "storage"):  # over a gigabyte, which nobody looks at
            shutil.rmtree(folder, ignore_errors=True)


def _run(command: Sequence[str], check: bool) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SLOW, stdin=subprocess.DEVNULL)
    assert done.returncode == 0 or not check, f"{' '.join(command[:2])}: {done.stdout[-1000:]}{done.stderr[-3000:]}"
    return done
