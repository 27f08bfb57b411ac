# SPDX-License-Identifier: Apache-2.0
"""Every lock pins by hash, names no place to download from, and agrees with the others."""

import re
import tomllib
from pathlib import Path

import pytest

from tests import tree

LOCKS = sorted((tree.ROOT / "requirements").glob("*.txt"))
every_lock = pytest.mark.parametrize("lock", LOCKS, ids=tree.name)


def pins(lock: Path) -> dict[str, str]:
    """Package name to version; a package pinned twice for different platforms counts with each."""
    found = re.findall(r"^([a-z0-9][a-z0-9.-]*)==(\S+)(?: ; [^\\\n]+)? \\$", lock.read_text(), flags=re.MULTILINE)
    return {f"{name} {version}": version for name, version in found}


def names(lock: Path) -> set[str]:
    """The packages a lock installs."""
    return {pin.partition(" ")[0] for pin in pins(lock)}


@every_lock
def test_everything_is_pinned_by_hash(lock: Path) -> None:
    """Each entry has one exact version and at least one SHA-256."""
    text = "\n".join(line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#"))
    entries = re.split(r"\n(?=[a-zA-Z0-9])", text.strip())
    assert len(entries) == len(pins(lock)) > 0
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


@every_lock
def test_no_lock_names_a_host(lock: Path) -> None:
    """Where packages come from is the machine's setting, not the project's: no URL and no index option."""
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", lock.read_text())


@every_lock
def test_a_smaller_lock_is_part_of_the_one_for_development(lock: Path) -> None:
    """What runs in production is what was tested: the same versions as in requirements/dev.txt."""
    if lock.name != "bootstrap.txt":
        assert set(pins(lock)) <= set(pins(lock.with_name("dev.txt")))


def test_every_lock_holds_what_its_extra_asks_for() -> None:
    """A dependency that was added to pyproject.toml without `make lock` is noticed."""
    extras = tomllib.loads((tree.ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = {extra: {re.split(r"[<>=\[]", line)[0].lower() for line in lines} for extra, lines in extras.items()}
    wanted["demo"] = wanted["service"] | wanted["sidecar"] | wanted["verify"]
    missing = {extra: asked - names(tree.ROOT / f"requirements/{extra}.txt") for extra, asked in wanted.items()}
    assert {extra: lacks for extra, lacks in missing.items() if lacks - {"countersign"}} == {}


def test_the_base_package_needs_nothing() -> None:
    """Installing countersign without an extra installs nothing else."""
    assert tomllib.loads((tree.ROOT / "pyproject.toml").read_text())["project"]["dependencies"] == []
