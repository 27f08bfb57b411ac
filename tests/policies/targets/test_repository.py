# SPDX-License-Identifier: Apache-2.0
"""The repository is read whole: history, owners, workflows, and what differs from the commit."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from policies.errors import CannotEvaluate, TargetUnreadable
from policies.targets.repository import read_repository

OWNER = "maker@example.org"
IDENTITY = {
    "GIT_AUTHOR_NAME": "maker", "GIT_AUTHOR_EMAIL": "Maker@Example.org", "GIT_COMMITTER_NAME": "merger",
    "GIT_COMMITTER_EMAIL": "merger@example.org", "GIT_AUTHOR_DATE": "2026-11-20T10:00:00Z",
    "GIT_COMMITTER_DATE": "2026-11-21T10:00:00Z",
}  # fmt: skip


class Checkout:
    """A repository on disk that a test changes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")

    def git(self, *arguments: str) -> None:
        """Run git as the two people whom the tests know."""
        quiet = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(self.root)}
        environment = {"PATH": os.environ["PATH"], **quiet, **IDENTITY}
        subprocess.run(["git", *arguments], cwd=self.root, env=environment, check=True, capture_output=True)

    def write(self, path: str, text: str) -> None:
        """Put a file there without committing it."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def commit(self, **files: str) -> None:
        """Put files there and commit everything."""
        for path, text in files.items():
            self.write(path, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "checkout")
    made.commit(**{
        "models/m/1/card.yaml": "a: 1\n", "README.md": "x", ".github/CODEOWNERS": "* @org/all\n",
        "CODEOWNERS": "* @nobody\n", ".github/workflows/gate.yml": "on: push\njobs: {}\n",
    })  # fmt: skip
    return made


def test_history_is_who_changed_what_newest_first(checkout: Checkout) -> None:
    """Author and committer both count, in lower case; files that decide nothing are left out."""
    checkout.commit(**{"models/m/1/card.yaml": "a: 2\n"})
    found = read_repository(str(checkout.root))
    commits = found.history["models/m/1/card.yaml"]
    assert [(commit.author, commit.committer) for commit in commits] == [(OWNER, "merger@example.org")] * 2
    assert commits[0].sha == found.head
    assert commits[0].time.isoformat() == "2026-11-21T10:00:00+00:00"
    assert "README.md" not in found.history


def test_a_merge_that_changes_a_file_by_itself_is_seen(checkout: Checkout) -> None:
    """Content that neither side had was written by whoever merged."""
    checkout.git("checkout", "--quiet", "-b", "side")
    checkout.commit(**{"other.txt": "x"})
    checkout.git("checkout", "--quiet", "main")
    checkout.commit(**{"another.txt": "x"})
    checkout.git("merge", "--quiet", "--no-commit", "--no-ff", "side")
    checkout.commit(**{"models/m/1/card.yaml": "a: smuggled\n"})
    found = read_repository(str(checkout.root))
    assert found.history["models/m/1/card.yaml"][0].sha == found.head


def test_the_first_code_owners_file_counts_alone(checkout: Checkout) -> None:
    """GitHub looks in .github first; a second file elsewhere is never read."""
    found = read_repository(str(checkout.root / "models"))
    assert found.code_owners_file == ".github/CODEOWNERS"
    assert [line.owners for line in found.code_owners] == [("@org/all",)]


def test_what_differs_from_the_commit_is_named(checkout: Checkout) -> None:
    """Changed, deleted and untracked paths alike, whatever their names."""
    checkout.write("models/m/1/card.yaml", "a: 3\n")
    checkout.write("policies/own rule.py", "")
    (checkout.root / "README.md").unlink()
    found = read_repository(str(checkout.root))
    assert set(found.dirty) == {"models/m/1/card.yaml", "policies/own rule.py", "README.md"}


def test_workflows_are_read_with_places(checkout: Checkout) -> None:
    """`on` is a key like any other here."""
    (workflow,) = read_repository(str(checkout.root)).workflows
    assert workflow.get("on") == "push"
    assert str(workflow.at("jobs")) == ".github/workflows/gate.yml:2:1"


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "- 1\n", "on: [\n"])
def test_a_workflow_that_is_none_is_unreadable(checkout: Checkout, text: str) -> None:
    """It is not skipped: what runs in CI must be known."""
    checkout.write(".github/workflows/odd.yaml", text)
    with pytest.raises(TargetUnreadable, match=r"odd\.yaml"):
        read_repository(str(checkout.root))


def test_a_shallow_clone_is_unreadable(checkout: Checkout, tmp_path: Path) -> None:
    """Its one commit would make one person the author of everything."""
    checkout.commit(**{"models/m/1/card.yaml": "a: 2\n"})
    checkout.git("clone", "--quiet", "--depth", "1", f"file://{checkout.root}", str(tmp_path / "shallow"))
    with pytest.raises(TargetUnreadable, match="git fetch --unshallow"):
        read_repository(str(tmp_path / "shallow"))


def test_what_is_no_repository_is_unreadable(tmp_path: Path) -> None:
    """A folder outside any repository, a name that is none, and a repository without a commit."""
    with pytest.raises(TargetUnreadable, match="not a git repository"):
        read_repository(str(tmp_path))
    with pytest.raises(TargetUnreadable, match="is not a folder"):
        read_repository(str(tmp_path / "none"))
    with pytest.raises(TargetUnreadable, match="git rev-parse refuses"):
        read_repository(str(Checkout(tmp_path / "empty").root))


def test_replacements_and_the_caller_s_environment_change_nothing(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither `git replace` nor GIT_DIR makes another history of it."""
    checkout.commit(**{"models/m/1/card.yaml": "a: 2\n"})
    before = read_repository(str(checkout.root))
    checkout.git("replace", "HEAD", "HEAD~1")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert read_repository(str(checkout.root)).history == before.history


def test_without_git_nothing_is_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing tool is never a pass."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(CannotEvaluate, match="git is not installed"):
        read_repository(str(tmp_path))
