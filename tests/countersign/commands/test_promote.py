# SPDX-License-Identifier: Apache-2.0
"""`promote` through the real command line: what it writes, what it leaves alone, and how it ends."""

from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign.__main__ import main
from policies.promotion.environment import read_files
from policies.verdict.signing_keys import private_pem, public_pem
from tests.conformance.outside import outside
from tests.tree import ROOT

DAY: Final = "2026-11-23"


@pytest.fixture
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment of the test's own, with a key of its own; promoted from the root of the repository."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("HELM", str(outside("helm")))
    key = Ed25519PrivateKey.generate()
    (tmp_path / "gate.pem").write_text(private_pem(key))
    (tmp_path / "gate.pub").write_text(public_pem(key.public_key()))
    example = (ROOT / "environments" / "staging.yaml").read_text()
    public = example.replace("environments/demonstration-keys/gate.pub", str(tmp_path / "gate.pub"))
    (tmp_path / "staging.yaml").write_text(public)
    return tmp_path


def run(environments: Path, *more: str, day: str = DAY) -> int:
    return main(["promote", "staging", "--environments", str(environments), "--as-of", day, *more])


def test_promote_then_compare_then_refuse(environments: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It writes once, changes nothing the second time, names what a hand changed, and mends it."""
    key = ("--key", str(environments / "gate.pem"))
    folder = environments / "staging"
    assert run(environments, *key) == 0
    made = read_files(folder)
    assert "PROMOTED: " in capsys.readouterr().out
    assert run(environments, "--check") == 0
    assert "AS ATTESTED: " in capsys.readouterr().out
    assert run(environments, *key) == 0
    assert "UNCHANGED: " in capsys.readouterr().out
    assert run(environments, "--check", day="2027-03-01") == 1
    assert "step 9, validity: it expired" in capsys.readouterr().out

    job = next(folder.glob("rendered/job-*.yaml"))
    job.write_text(job.read_text().replace("PreSync", "Skip"))
    assert run(environments, "--check") == 1
    assert f"~ rendered/{job.name}" in capsys.readouterr().out

    wish = environments / "staging.yaml"
    wish.write_text(wish.read_text() + "  podSecurityContext: {runAsNonRoot: false}\n")
    before = read_files(folder)
    assert run(environments, *key) == 1
    assert "K8S-003" in (out := capsys.readouterr().out)
    assert f"NOT PROMOTED: {folder} is as it was" in out
    assert read_files(folder) == before != made


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (("", ""), 64, "is not the private half of"),
        (("profile: staging", "profile: lenient"), 2, "there is no profile 'lenient'"),
        (("namespace: ml-staging", "namespace: ml staging"), 2, "staging.yaml:11:12"),
        (("@sha256:4ffd", ":4ffd"), 2, "images.sidecar is not registry/name@sha256:"),
        (("  sidecar:", "  proxy:"), 2, "staging.yaml:9:3"),
        (("charts/countersign\n", "charts/nowhere\n"), 2, "nowhere"),
        (("values: [charts", "values: [chart"), 2, "is not a values file"),
    ],
)
def test_what_cannot_be_promoted_is_said_in_one_line(
    change: tuple[str, str], code: int, said: str, environments: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong, where, and how to mend it; nothing is written."""
    wish = environments / "staging.yaml"
    wish.write_text(wish.read_text().replace(*change))
    key = environments / ("gate.pem" if any(change) else "other.pem")
    if not any(change):
        key.write_text(private_pem(Ed25519PrivateKey.generate()))
    assert run(environments, "--key", str(key)) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (environments / "staging").exists()


def test_a_key_or_the_comparison_is_asked_for(environments: Path) -> None:
    """Neither is no default: one writes, the other only looks."""
    assert run(environments) == 64
    assert run(environments, "--check", "--key", str(environments / "gate.pem")) == 64
    assert run(environments, "--check") == 2  # there is no folder, and so no verdict
