# SPDX-License-Identifier: Apache-2.0
"""The resource graph is what the program registers, read again whenever a file that it read changed."""

import shutil
from pathlib import Path

import pytest

from policies.errors import TargetUnreadable
from policies.targets import infra
from policies.targets.infra import Infra, read_infra
from tests.tree import ROOT

pytest.importorskip("pulumi_aws", reason="the extra infra is not installed")
PROGRAM = ROOT / "tests" / "fixtures" / "policies" / "cloud"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def graph(cache: Path) -> Infra:
    return read_infra(f"{PROGRAM}:prod", cache)


def test_every_resource_is_there_with_its_inputs_and_its_line(graph: Infra) -> None:
    """Inputs have the provider's names, references hold names, numbers are whole, places open in an editor."""
    lock = graph.of("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration")[0]
    assert lock.inputs == {
        "bucket": "evidence",
        "rule": {"defaultRetention": {"mode": "COMPLIANCE", "days": 365}},
    }
    source = (PROGRAM / "__main__.py").read_text().splitlines()
    assert lock.place.file == str(PROGRAM / "__main__.py")
    assert "BucketObjectLockConfiguration" in source[lock.place.line - 1]
    policy = graph.of("aws:s3/bucketPolicy:BucketPolicy")[0]
    assert policy.inputs["policy"] == '{"Resource": "arn:aws:s3:::evidence"}'


def test_the_stack_says_its_region(graph: Infra) -> None:
    """The configuration of the default provider is part of the graph."""
    (stack,) = graph.of("pulumi:pulumi:Stack")
    assert stack.inputs == {"region": "eu-west-1"}
    assert stack.place.file == str(PROGRAM / "Pulumi.prod.yaml")


def test_an_unchanged_program_is_not_run_again(graph: Infra, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the cache is the same graph, and nothing is started."""
    monkeypatch.setattr(infra, "_run", lambda *_: pytest.fail("the program was run again"))
    assert read_infra(f"{PROGRAM}:prod", cache) == graph


def test_a_changed_file_is_seen_though_it_is_no_program(tmp_path: Path, cache: Path) -> None:
    """The run reports what it read; a graph made from other content is not used."""
    folder = tmp_path / "cloud"
    shutil.copytree(PROGRAM, folder)
    before = read_infra(f"{folder}:prod", cache)
    (folder / "mode.txt").write_text("GOVERNANCE\n")
    after = read_infra(f"{folder}:prod", cache)
    assert after.digest != before.digest
    lock = after.of("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration")[0]
    assert lock.inputs["rule"]["defaultRetention"]["mode"] == "GOVERNANCE"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"resources": [], "files": {}, "more": 1}'])
def test_a_damaged_cache_is_made_again(graph: Infra, cache: Path, damage: bytes) -> None:
    """It is read strictly; what is not whole counts as absent."""
    kept = max(cache.glob("*.json"), key=lambda file: str(PROGRAM).encode() in file.read_bytes())
    kept.write_bytes(damage)
    assert read_infra(f"{PROGRAM}:prod", cache) == graph


def test_a_program_that_fails_is_unreadable(tmp_path: Path) -> None:
    """Its own exception is said in one line, at the line of the program."""
    folder = tmp_path / "cloud"
    shutil.copytree(PROGRAM, folder)
    (folder / "mode.txt").unlink()
    with pytest.raises(TargetUnreadable, match=r"__main__.py:10:1: the program failed: .*FileNotFoundError"):
        read_infra(f"{folder}:prod", tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_program_without_resources_is_unreadable(tmp_path: Path) -> None:
    """Nothing to judge is an error, never a pass."""
    folder = tmp_path / "cloud"
    shutil.copytree(PROGRAM, folder)
    (folder / "__main__.py").write_text("")
    with pytest.raises(TargetUnreadable, match="registers no resource"):
        read_infra(f"{folder}:prod", tmp_path / "cache")


@pytest.mark.parametrize("name", ["{none}", "{program}:dev"])
def test_a_program_or_stack_that_is_not_there_is_unreadable(name: str, tmp_path: Path) -> None:
    """The folder and the stack's file are named in the message."""
    with pytest.raises(TargetUnreadable, match="no Pulumi program to run"):
        read_infra(name.format(none=tmp_path, program=PROGRAM), tmp_path / "cache")


def test_the_caller_s_environment_does_not_reach_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise one folder would have several graphs."""
    folder = tmp_path / "cloud"
    shutil.copytree(PROGRAM, folder)
    (folder / "__main__.py").write_text(
        "import os, pulumi_aws as aws\naws.s3.Bucket(os.environ.get('WHO', 'nobody'))\n"
    )
    monkeypatch.setenv("WHO", "me")
    found = read_infra(f"{folder}:prod", tmp_path / "cache")
    assert [item.name for item in found.of("aws:s3/bucket:Bucket")] == ["nobody"]
