# SPDX-License-Identifier: Apache-2.0
"""Runs a Pulumi program under mocks, in a process of its own, and writes down every resource that it registers.

``python -m policies.targets.infra_program FOLDER STACK OUTPUT`` runs ``FOLDER/__main__.py`` with the configuration of
``FOLDER/Pulumi.STACK.yaml``. Nothing is asked of a cloud: ids, ARNs and answers are made up from names, inputs are
what the program gave. Written beside the resources: every file that the run read, so that a later run knows whether
it would be the same. Any exception of the program is this process's failure.
"""

import asyncio
import json
import runpy
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pulumi
from pulumi.runtime import set_all_config
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.stack import register_stack_transformation, run_pulumi_func

from contracts.yaml_document import read_yaml
from policies.targets.infra_graph import Graph, Registered, file_digest

ACCOUNT: Final = "111122223333"
REGION_KEY: Final = "aws:region"
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": {"names": ["zone-a", "zone-b", "zone-c"]},
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root"},
    "aws:index/getPartition:getPartition": {"partition": "aws", "dnsSuffix": "amazonaws.com"},
}
"""What the functions of the provider answer; any other answers with what it was asked."""


class Recorder(Mocks):  # type: ignore[misc]  # the SDK's types are not read: see pyproject.toml
    """Notes each resource as it is registered, and makes up what a provider would have answered."""

    def __init__(self) -> None:
        self.inputs: dict[tuple[str, str], dict[str, Any]] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """The resource's name is its id, so that what refers to it can be found again."""
        self.inputs[args.typ, args.name] = plain(args.inputs)
        given = {key: value for key, value in args.inputs.items() if value is not None}
        return args.name, {**made_up(args.typ, args.name), **given}

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Answer a function of the provider."""
        return {**args.args, **ANSWERS.get(args.token, {})}, []


def made_up(kind: str, name: str) -> dict[str, Any]:
    """What a provider would have added to a resource's inputs, as far as programs go on with it."""
    service = kind.split(":")[1].partition("/")[0] if kind.count(":") == 2 else "none"
    made: dict[str, Any] = {
        "arn": f"arn:aws:{service}:region:{ACCOUNT}:{name}",
        "name": name,
        "keyId": name,
        "latestVersion": 1,
    }
    added = _ADDED.get(kind)
    return made if added is None else {**made, **added(name)}


_ADDED: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    # A bucket's ARN is its name, whatever the account: policies are written over it.
    "aws:s3/bucket:Bucket": lambda name: {"bucket": name, "arn": f"arn:aws:s3:::{name}"},
    "aws:eks/cluster:Cluster": lambda name: {
        "identities": [{"oidcs": [{"issuer": f"https://oidc.example/id/{name}"}]}],
        "endpoint": f"https://{name}.example",
        "certificateAuthority": {"data": ""},
        "vpcConfig": {"clusterSecurityGroupId": f"{name}-group"},
    },
    "aws:rds/cluster:Cluster": lambda name: {
        "endpoint": f"{name}.example",
        "masterUserSecrets": [{"secretArn": f"arn:aws:secretsmanager:region:{ACCOUNT}:secret:{name}"}],
    },
}


def plain(value: Any) -> Any:
    """A value as JSON has it: whole numbers as integers, and text in place of what only Pulumi knows."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if value is None or isinstance(value, bool | int | float | str) else f"[{type(value).__name__}]"


def configuration(folder: Path, stack: str) -> dict[str, str]:
    """The stack's configuration as Pulumi hands it to a program: text, and JSON for anything deeper."""
    file = folder / f"Pulumi.{stack}.yaml"
    given = (read_yaml(file.read_bytes(), str(file)).value or {}).get("config") or {}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}


def run(folder: Path, stack: str, config: dict[str, str], recorder: Recorder) -> dict[tuple[str, str], tuple[str, int]]:
    """Run the program to its end, and say where it made each resource."""
    made: dict[tuple[str, str], tuple[str, int]] = {}

    def note(args: pulumi.ResourceTransformationArgs) -> None:
        made[args.type_, args.name] = innermost(folder)

    def program() -> None:
        register_stack_transformation(note)
        runpy.run_path(str(folder / "__main__.py"), run_name="__main__")

    async def under_mocks() -> None:
        # Set inside the loop: what Pulumi makes here waits on the loop that is running, and on no other.
        set_mocks(recorder, project=folder.name, stack=stack, preview=False)
        set_all_config(config)
        await run_pulumi_func(program)

    asyncio.run(under_mocks())
    return made


def innermost(folder: Path) -> tuple[str, int]:
    """The line of the program that is being executed."""
    inside = [frame for frame in traceback.extract_stack() if Path(frame.filename).is_relative_to(folder)]
    return (inside[-1].filename, inside[-1].lineno or 1) if inside else (str(folder / "__main__.py"), 1)


def read_files(opened: set[str]) -> Iterator[Path]:
    """Every file that the run read, apart from Python and what is installed."""
    installed = [Path(sysconfig.get_path(key)).resolve() for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    modules = {module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)}
    for name in sorted(opened | {name for name in modules if name}):
        path = Path(name).resolve()
        if path.is_file() and path.suffix != ".pyc" and not any(path.is_relative_to(root) for root in installed):
            yield path


def main(arguments: list[str]) -> int:
    """Run one program; 0 when its graph was written, 1 with one line on standard error otherwise."""
    folder, stack, output = Path(arguments[0]).resolve(), arguments[1], Path(arguments[2])
    opened: set[str] = set()
    sys.addaudithook(lambda event, args: opened.add(str(args[0])) if event == "open" and _reads(args) else None)
    sys.path[:0] = [str(folder), str(folder.parent)]
    recorder = Recorder()
    try:
        config = configuration(folder, stack)
        made = run(folder, stack, config, recorder)
    except Exception as error:  # whatever the program raises is the program's failure, said in one line
        place = innermost_of(error, folder)
        print(f"{place}: {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        return 1
    region = {"region": config[REGION_KEY]} if REGION_KEY in config else {}
    stack_file = (str(folder / f"Pulumi.{stack}.yaml"), 1)
    found = [Registered(type="pulumi:pulumi:Stack", name=stack, inputs=region, file=stack_file[0], line=1)]
    # In the order of the program: the recorder hears of resources from several threads.
    for kind, name in [*made, *sorted(recorder.inputs.keys() - made.keys())]:
        file, line = made.get((kind, name), stack_file)
        found.append(Registered(type=kind, name=name, inputs=recorder.inputs[kind, name], file=file, line=line))
    files = {str(path): file_digest(path) for path in read_files(opened)}
    output.write_bytes(msgspec.json.encode(Graph(resources=tuple(found), files=files)))
    return 0


def _reads(args: tuple[Any, ...]) -> bool:
    return isinstance(args[0], str) and not (isinstance(args[1], str) and set(args[1]) & set("wax+"))


def innermost_of(error: BaseException, folder: Path) -> str:
    """Where in the program an exception came from; the program itself where it came from elsewhere."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    return f"{inside[-1].filename}:{inside[-1].lineno}" if inside else f"{folder / '__main__.py'}:1"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
