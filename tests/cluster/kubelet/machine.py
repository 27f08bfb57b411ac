# SPDX-License-Identifier: Apache-2.0
"""A pod's containers as processes of this machine: a root folder, mounts and a user of their own (contained.py).

An image is what this machine shows in its place: the interpreter and the checkout, and the folders that the image has
on top of them. Memory limits, capabilities and seccomp are not enforced; network policies neither.
"""

import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.cluster.contained import Contained
from tests.cluster.kubelet.container_run import ImageAway
from tests.cluster.kubelet.probing import Probe, answers
from tests.cluster.kubelet.variables import expanded, variables
from tests.cluster.kubelet.volumes import Objects, make_volume
from tests.tree import ROOT

Object = dict[str, Any]
Images = Mapping[str, Mapping[str, Path]]
"""What there is, by reference: folders that the image has, by their place in it."""
# An image of this project names no other user, and a restricted namespace lets none but this one in.
_USER: Final = 65532
_API: Final = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


class PodMachine:
    """What one pod runs on. ``pod`` has its address in its status; everything is below ``folder``."""

    def __init__(self, pod: Object, objects: Objects, images: Images, folder: Path) -> None:
        self._pod, self._objects, self._images, self._folder = pod, objects, images, folder
        folder.mkdir(mode=0o755)

    def prepare(self) -> None:
        """Make the volumes; NotThere when one of them cannot be, and then it may be tried again."""
        for volume in self._pod["spec"].get("volumes", ()):
            place = self._volume(volume["name"])
            if not place.exists():
                made = Path(tempfile.mkdtemp(dir=self._folder))
                make_volume(volume, self._pod, self._objects, made)
                made.rename(place)

    def launch(self, spec: Object, attempt: int) -> subprocess.Popen[bytes]:
        """Start its process; what it prints goes to a file for each attempt."""
        if spec["image"] not in self._images:
            raise ImageAway(f"cannot pull {spec['image']}: registry is away")
        told = variables(self._pod, spec, self._objects.data)
        words = [expanded(each, told) for each in (*spec["command"], *spec.get("args", ()))]
        root = Path(tempfile.mkdtemp(dir=self._folder))
        mounts = [(str(source), place, False) for place, source in self._images[spec["image"]].items()]
        mounts += [self._mount(each) for each in spec.get("volumeMounts", ())]
        user = self._user(spec)
        contained = Contained(str(root), words, {**_API, **told}, mounts, user)
        with (self._folder / f"{spec['name']}-{attempt}.log").open("wb") as log:
            return subprocess.Popen(
                contained.words(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )

    def ask(self, spec: Object, probe: Probe, process: subprocess.Popen[bytes]) -> bool:
        """One outcome of a probe."""
        ports = {each["name"]: each["containerPort"] for each in spec.get("ports", ()) if "name" in each}
        address = self._pod["status"]["podIP"]
        return answers(probe, address, ports, lambda command, timeout: self.execute(process, command, timeout))

    def execute(self, process: subprocess.Popen[bytes], command: list[str], timeout: float) -> bool:
        """Run a command with the root and the user of a process; whether it ended well in time."""
        entered = ["nsenter", f"--target={process.pid}", "--mount", "--root", "--wd=/"]
        entered += [f"--setuid={_USER}", f"--setgid={_USER}", *command]
        try:
            return subprocess.run(entered, capture_output=True, check=False, timeout=timeout).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def _user(self, spec: Object) -> int:
        contexts = (spec.get("securityContext", {}), self._pod["spec"].get("securityContext", {}))
        return next((each["runAsUser"] for each in contexts if "runAsUser" in each), _USER)

    def _mount(self, asked: Object) -> tuple[str, str, bool]:
        place = self._volume(asked["name"]) / asked.get("subPath", "")
        is_empty_dir = place.stat().st_mode & stat.S_ISGID != 0
        return str(place), asked["mountPath"], is_empty_dir and not asked.get("readOnly", False)

    def _volume(self, name: str) -> Path:
        return self._folder / f"volume-{name}"
