# SPDX-License-Identifier: Apache-2.0
"""The real engine, by its own command line: its state is a folder, its provider a stand-in, its network loopback.

The project is a copy of the program's own: its `__main__.py` and the settings of its stacks as they are committed.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.conformance.outside import outside
from tests.tree import ROOT

PROGRAM: Final = ROOT / "infra_pulumi"
ACCOUNT_VARIABLE: Final = "STAND_IN_ACCOUNT"
"""Where the stand-in reads which account its credentials are for."""
PASSPHRASE: Final = "of this test alone"
DELETED: Final = "deleted "
"""What the stand-in writes into its log before a resource that it was asked to delete."""
STACKS: Final = ("dev", "staging", "prod")
ACCOUNT: Final = "111122223333"
SECONDS: Final = 120
Json = dict[str, Any]


class Ran(NamedTuple):
    """How a command of Pulumi ended, and what it said on both streams."""

    code: int
    out: str
    said: str

    def json(self) -> Any:
        """What it printed; the command has to have worked."""
        assert self.code == 0, self.said
        return json.loads(self.out)


class Engine(NamedTuple):
    """A project folder with its state, and a stand-in that serves it."""

    folder: Path
    state: Path
    log: Path
    port: int

    def pulumi(self, *words: str, stack: str, serve: bool = False, passphrase: str = PASSPHRASE) -> Ran:
        """Run one command on a stack; those that run the program are served by the stand-in."""
        flags = ["--stack", stack, "--non-interactive", "--color", "never"]
        flags += ["--client", f"127.0.0.1:{self.port}"] if serve else []
        ran = subprocess.run(
            [str(outside("pulumi")), *words, *flags],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**self.environment(), "PULUMI_CONFIG_PASSPHRASE": passphrase},
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
        )
        return Ran(ran.returncode, ran.stdout, ran.stdout + ran.stderr)

    def preview(self, stack: str) -> Ran:
        """What an update would do, step by step."""
        return self.pulumi("preview", "--json", stack=stack, serve=True)

    def up(self, stack: str) -> Ran:
        """Do it."""
        return self.pulumi("up", "--yes", "--skip-preview", stack=stack, serve=True)

    def destroy(self, stack: str) -> Ran:
        """Take everything down, as far as the engine lets it go."""
        return self.pulumi("destroy", "--yes", "--skip-preview", stack=stack, serve=True)

    def state_of(self, stack: str) -> str:
        """The stack's state as it lies in the folder."""
        return (self.state / ".pulumi" / "stacks" / "countersign" / f"{stack}.json").read_text()

    def resources(self, stack: str) -> list[Json]:
        """Every resource of the state."""
        found: list[Json] = json.loads(self.state_of(stack))["checkpoint"]["latest"].get("resources", [])
        return found

    def outputs(self, stack: str) -> Json:
        """What the program exports."""
        (found,) = (item for item in self.resources(stack) if item["type"] == "pulumi:pulumi:Stack")
        exported: Json = found["outputs"]
        return exported

    def deleted(self, stack: str) -> set[str]:
        """Every resource of a stack that the provider was ever asked to delete, in whichever copy of the state."""
        lines = self.log.read_text().splitlines()
        return {line.removeprefix(DELETED) for line in lines if line.startswith(f"{DELETED}urn:pulumi:{stack}::")}

    def settings(self, stack: str) -> Path:
        """The stack's settings."""
        return self.folder / f"Pulumi.{stack}.yaml"

    def copied(self, folder: Path) -> "Engine":
        """The same stacks with a state of their own, for whoever changes it."""
        shutil.copytree(self.folder, folder / "project")
        shutil.copytree(self.state, folder / "state")
        return self._replace(folder=folder / "project", state=folder / "state")

    @contextmanager
    def changed(self, stack: str, old: str, new: str, times: int = 1) -> Iterator[None]:
        """Other settings for a while; what is changed stands there exactly so many times."""
        file = self.settings(stack)
        before = file.read_text()
        assert before.count(old) == times, f"{old!r} stands {before.count(old)} times in {file.name}"
        file.write_text(before.replace(old, new))
        try:
            yield
        finally:
            file.write_text(before)

    def environment(self) -> Mapping[str, str]:
        """All that Pulumi finds around it: state and passphrase of its own, no way out, nobody's credentials."""
        return {
            "HOME": str(self.state),
            # The command line looks for the SDK's language host before it hears that another serves.
            "PATH": os.defpath,
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_DEBUG_PROVIDERS": f"aws:{self.port}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self.state / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # Whoever would fetch something finds nobody there.
            "HTTP_PROXY": "http://127.0.0.1:1",
            "HTTPS_PROXY": "http://127.0.0.1:1",
            "NO_PROXY": "127.0.0.1",
        }


@contextmanager
def serving(folder: Path, account: str = ACCOUNT) -> Iterator[Engine]:
    """An engine over an empty state, with all stacks made; credentials are for ``account``."""
    outside("pulumi")
    project, state = folder / "project", folder / "state"
    for each in (project, state):
        each.mkdir(parents=True)
    for file in (PROGRAM / "__main__.py", *PROGRAM.glob("Pulumi*.yaml")):
        shutil.copy(file, project)
    command = [sys.executable, "-W", "ignore", "-m", "tests.infra_pulumi.engine.stand_in"]
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), ACCOUNT_VARIABLE: account}
    with (folder / "stand-in.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            engine = Engine(project, state, folder / "stand-in.log", int(process.stdout.readline()))
            for stack in STACKS:
                ran = engine.pulumi("stack", "init", stack=stack)
                assert ran.code == 0, ran.said
            yield engine
        finally:
            process.stdin.close()
            process.stdout.close()
            process.wait(timeout=SECONDS)
