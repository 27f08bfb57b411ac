# SPDX-License-Identifier: Apache-2.0
"""Outside tools: made once a version, whole or not at all, and pinned."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import tools
from tests import tree


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that this machine has counts."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def tool(make: Callable[[tools.Tool, Path], None], *needs: str) -> tools.Tool:
    """A tool of one program."""
    return tools.Tool("saw", "v1", ("saw",), needs, make)


def whole(made: tools.Tool, folder: Path) -> None:
    """Make it."""
    (folder / made.programs[0]).write_text("#!/bin/sh\n")


def broken(made: tools.Tool, folder: Path) -> None:
    """Make half of it."""
    (folder / "half").write_text("")
    raise tools.ToolMissing("the build broke")


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[[tools.Tool], None]:
    """Make this the only tool there is."""

    def become(single: tools.Tool) -> None:
        monkeypatch.setattr(tools, "TOOLS", (single,))
        monkeypatch.setattr(tools, "DISTRIBUTED", ())

    return become


def test_a_tool_is_made_once(only: Callable[[tools.Tool], None], capsys: pytest.CaptureFixture[str]) -> None:
    """The second time it is found where the first put it."""
    made: list[Path] = []

    def make(single: tools.Tool, folder: Path) -> None:
        made.append(folder)
        whole(single, folder)

    only(tool(make))
    assert [tools.main(["build"]) for _ in range(2)] == [0, 0]
    assert len(made) == 1
    assert tools.main(["path", "saw"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tools.cache() / "saw" / "v1" / "saw")


@pytest.mark.parametrize(("make", "reason"), [(broken, "the build broke"), (lambda *_: None, "left no saw")])
def test_half_a_tool_is_none(
    only: Callable[[tools.Tool], None],
    capsys: pytest.CaptureFixture[str],
    make: Callable[[tools.Tool, Path], None],
    reason: str,
) -> None:
    """A build that fails, or that leaves no program, leaves nothing at all and says why."""
    only(tool(make))
    assert tools.main(["build"]) == 1
    assert reason in capsys.readouterr().err
    assert list((tools.cache() / "saw").iterdir()) == []
    assert tools.main(["path", "saw"]) == 1
    assert "run make tools" in capsys.readouterr().err


def test_two_builds_at_once_are_no_trouble(only: Callable[[tools.Tool], None]) -> None:
    """When another process has put the tool there meanwhile, its tool is kept."""

    def overtaken(single: tools.Tool, folder: Path) -> None:
        whole(single, folder)
        single.folder.mkdir(parents=True)
        (single.folder / "saw").write_text("theirs")

    only(tool(overtaken))
    assert tools.main(["build"]) == 0
    assert (tools.cache() / "saw" / "v1" / "saw").read_text() == "theirs"
    assert [path.name for path in (tools.cache() / "saw").iterdir()] == ["v1"]


def test_what_is_needed_is_named(only: Callable[[tools.Tool], None], capsys: pytest.CaptureFixture[str]) -> None:
    """Without the program that a tool is made with, that is said, and nothing is tried."""
    only(tool(whole, "no-such-compiler"))
    assert tools.main(["build"]) == 1
    assert "saw needs no-such-compiler" in capsys.readouterr().err


def test_sources_of_ours_are_part_of_the_version(tmp_path: Path) -> None:
    """Any change of a file, or of its name, makes another version."""
    (tmp_path / "main.go").write_text("a")
    first = tools.digest(tmp_path)
    (tmp_path / "main.go").write_text("b")
    second = tools.digest(tmp_path)
    (tmp_path / "main.go").rename(tmp_path / "other.go")
    assert len({first, second, tools.digest(tmp_path)}) == 3


def test_the_versions_that_are_named_are_the_ones_that_are_pinned() -> None:
    """What a folder in the cache is called is what go.mod and package.json ask for."""
    pins = {
        "transparency": ("go.mod", r"transparency-dev/tessera (\S+)"),
        "collector": ("go.mod", r"collector/otelcol (\S+)"),
        "verdict": ("go.mod", r"in-toto/attestation (\S+)"),
        "kubernetes": ("go.mod", r"require k8s\.io/kubernetes (\S+)"),
        "argocd": ("go.mod", r"require github\.com/argoproj/argo-cd/v3 (\S+)"),
        "pulumi": ("go.mod", r"github\.com/pulumi/pulumi/pkg/v3 (\S+)"),
        "javascript": ("package.json", r'sdk-trace-base": "(\S+)"'),
        "reports": ("package.json", r'sarif-multitool-linux": "(\S+)"'),
    }
    named = {made.name: made.version.partition("-")[0].removeprefix("v") for made in tools.TOOLS}
    for name, (file, pattern) in pins.items():
        (pinned,) = re.findall(pattern, (tools.SOURCES / name / file).read_text(encoding="utf-8"))
        assert named[name] == pinned.removeprefix("v")
    # The program's SDK and the engine that it speaks with are of one release.
    assert f'"pulumi=={named["pulumi"]}"' in (tree.ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["javascript", "reports"])
def test_the_npm_locks_name_no_host(name: str) -> None:
    """An npm lock pins by content and leaves where from to the machine."""
    lock = (tools.SOURCES / name / "package-lock.json").read_text("utf-8")
    assert '"integrity": "sha512-' in lock
    assert '"resolved"' not in lock
