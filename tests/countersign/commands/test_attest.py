# SPDX-License-Identifier: Apache-2.0
"""`attest` and `verify-verdict` through the real command line: exit codes, files, and what each of them refuses."""

import base64
import json
import re
import shutil
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from countersign.__main__ import main
from policies.verdict.dsse import IN_TOTO, sign
from policies.verdict.signing_keys import private_pem, public_pem, read_private_key

BUNDLE: Final = "models/telecom-churn/1.0.0"
AS_OF: Final = "2026-11-23"
STEM: Final = "telecom-churn-1.0.0"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    private = ed25519.Ed25519PrivateKey.generate()
    (tmp_path / "gate.pem").write_text(private_pem(private))
    (tmp_path / "gate.pub").write_text(public_pem(private.public_key()))
    return tmp_path / "gate.pem"


def run(*words: str) -> int:
    """The command's exit code, of a mistake in its arguments too."""
    try:
        return main(list(words))
    except SystemExit as ended:
        return int(str(ended.code))


def attest(key: Path, *more: str) -> int:
    return run("attest", BUNDLE, "--as-of", AS_OF, "--key", str(key), "--out", str(key.parent / "out"), *more)


def verdict_of(key: Path) -> Path:
    return key.parent / "out" / f"{STEM}.vsa.intoto.jsonl"


def verify(key: Path, *more: str) -> int:
    words = ["verify-verdict", str(verdict_of(key)), "--key", str(key.parent / "gate.pub"), "--as-of", AS_OF]
    return run(*words, *(more or ("--bundle", BUNDLE)))


def passing(key: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Make the signed verdict a passing one, by the same key; what the gate thinks of the bundle is not asked here."""
    attest(key, "--output", "json")
    capsys.readouterr()
    value = json.loads(base64.b64decode(json.loads(verdict_of(key).read_bytes())["payload"]))
    value["predicate"]["verificationResult"] = "PASSED"
    value["predicate"]["verifiedLevels"] = ["COUNTERSIGN_PROFILE_PROD", "COUNTERSIGN_TIER_LOW"]
    verdict_of(key).write_bytes(sign(IN_TOTO, json.dumps(value).encode(), read_private_key(key)))
    digest = value["predicate"]["policy"]["digest"]["sha256"]
    assert isinstance(digest, str)
    return digest


def test_attest_ends_as_check_ends_and_signs_whatever_the_outcome(
    key: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Same exit code, same report; verdict and companion are there for a no as for a yes."""
    code = run("check", BUNDLE, "--as-of", AS_OF, "--output", f"json={tmp_path / 'check.json'}")
    assert attest(key, "--output", f"json={tmp_path / 'attest.json'}") == code
    assert (tmp_path / "check.json").read_bytes() == (tmp_path / "attest.json").read_bytes()
    out = capsys.readouterr().out
    result = "PASSED" if code == 0 else "FAILED"
    assert f"signed {result}" in out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"{STEM}.test-result.intoto.jsonl",
        f"{STEM}.vsa.intoto.jsonl",
    ]
    statement = json.loads(base64.b64decode(json.loads(verdict_of(key).read_bytes())["payload"]))
    assert statement["predicate"]["verificationResult"] == result


def test_a_failed_verdict_is_refused_by_its_result(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any approval the gate says no, signs that, and the no is refused at the step that reads it."""
    assert attest(key, "--governance", str(key.parent)) == 1
    assert verify(key) == 1
    out = capsys.readouterr().out
    assert "REFUSED: the verdict is refused at step 6, result" in out


def test_a_bundle_that_fails_is_signed_as_failed(key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One byte of the artifact changed: exit code 1, a FAILED verdict about the changed bytes, refused."""
    bundle = tmp_path / "bundle"
    shutil.copytree(BUNDLE, bundle)
    artifact = bytearray((bundle / "model.onnx").read_bytes())
    artifact[-1] ^= 1
    (bundle / "model.onnx").write_bytes(artifact)
    words = ["attest", str(bundle), "--as-of", AS_OF, "--key", str(key), "--out", str(tmp_path / "out")]
    assert run(*words) in (1, 2)
    assert verify(key, "--bundle", str(bundle)) == 1
    assert "step 6, result" in capsys.readouterr().out
    assert verify(key, "--bundle", BUNDLE) == 1
    assert "step 2, subjects" in capsys.readouterr().out


def test_a_sound_verdict_is_verified(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbered steps, then the digest by which a release names it."""
    policy = passing(key, capsys)
    assert verify(key) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(".")[0] for line in lines[:-1]] == [str(number) for number in range(1, 10)]
    assert lines[-1].startswith("VERIFIED: verdict sha256 ")
    assert verify(key, "--bundle", BUNDLE, "--level", "COUNTERSIGN_TIER_LOW", "--policy-digest", policy) == 0
    artifact = json.loads(base64.b64decode(json.loads(verdict_of(key).read_bytes())["payload"]))["subject"][-1]
    assert verify(key, "--subject", f"model.onnx=sha256:{artifact['digest']['sha256']}") == 0


@pytest.mark.parametrize(
    ("more", "step"),
    [
        (("--bundle", "models/telco-watson/1.0.0"), "subjects"),
        (("--subject", f"model.onnx={'0' * 64}"), "subjects"),
        (("--bundle", BUNDLE, "--subject", f"manifests={'0' * 64}"), "subjects"),
        (("--bundle", BUNDLE, "--as-of", "2027-02-21"), "validity"),
        (("--bundle", BUNDLE, "--level", "COUNTERSIGN_TIER_HIGH"), "levels"),
        (("--bundle", BUNDLE, "--policy-digest", "0" * 64), "policy"),
        (("--bundle", BUNDLE, "--resource-uri", "oci://other"), "resource"),
        (("--bundle", BUNDLE, "--verifier", "https://example.com"), "verifier"),
    ],
)
def test_what_does_not_fit_is_refused(
    key: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], step: str
) -> None:
    """Wrong subject, expired, wrong level, rules, resource or verifier: exit code 1 and the step that says so."""
    passing(key, capsys)
    assert verify(key, *more) == 1
    assert f", {step}: " in capsys.readouterr().out.splitlines()[-1]


def test_a_verdict_of_a_laxer_profile_has_to_be_asked_for(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What passed in dev, without an approval and without a figure computed again, opens nothing by itself."""
    assert attest(key, "--profile", "dev", "--no-recomputation") == 0
    assert verify(key, "--bundle", BUNDLE) == 1
    assert "step 7, levels" in capsys.readouterr().out
    assert verify(key, "--bundle", BUNDLE, "--level", "COUNTERSIGN_PROFILE_DEV") == 0


def test_a_verdict_binds_the_rendered_manifests(key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rendering that was judged fits; one with another name in it does not, and a missing one is none."""
    rendered = tmp_path / "rendered"
    shutil.copytree("tests/fixtures/policies/rendered", rendered)
    attest(key, "--target", f"manifests={rendered}")
    out = ("--manifests", str(rendered))
    assert verify(key, *out) == 1
    assert "step 6, result" in capsys.readouterr().out, "it is about these manifests, and says no"
    model = rendered / "model.yaml"
    model.write_text(re.sub(r"(?m)^(  name: \S+)", r"\g<1>-b", model.read_text(), count=1))
    assert verify(key, *out) == 1
    assert "step 2, subjects" in capsys.readouterr().out
    assert verify(key, "--manifests", str(tmp_path / "absent")) == 2


def test_another_key_and_a_tampered_verdict_are_refused(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At the signature, with exit code 1."""
    passing(key, capsys)
    stranger = ed25519.Ed25519PrivateKey.generate()
    (key.parent / "other.pub").write_text(public_pem(stranger.public_key()))
    words = ["verify-verdict", str(verdict_of(key)), "--bundle", BUNDLE, "--as-of", AS_OF]
    assert run(*words, "--key", str(key.parent / "other.pub")) == 1
    assert run(*words, "--key", str(key.parent / "other.pub"), "--key", str(key.parent / "gate.pub")) == 0
    capsys.readouterr()
    value = json.loads(verdict_of(key).read_bytes())
    text = base64.b64decode(value["payload"]).replace(b"prod", b"PROD")
    value["payload"] = base64.b64encode(text).decode()
    verdict_of(key).write_text(json.dumps(value))
    assert verify(key) == 1
    assert "step 1, signature" in capsys.readouterr().out


def test_what_cannot_be_read_is_2_and_a_wrong_command_64(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No verdict, no envelope, no key, no bundle: 2. Nothing shown, or an argument that is none: 64. Never 0."""
    passing(key, capsys)
    public = str(key.parent / "gate.pub")
    assert run("verify-verdict", str(key.parent / "absent"), "--key", public, "--bundle", BUNDLE) == 2
    assert run("verify-verdict", public, "--key", public, "--bundle", BUNDLE) == 2
    assert run("verify-verdict", str(verdict_of(key)), "--key", str(verdict_of(key)), "--bundle", BUNDLE) == 2
    assert verify(key, "--bundle", str(key.parent / "absent")) == 2
    assert run("verify-verdict", str(verdict_of(key)), "--key", public) == 64
    assert verify(key, "--subject", "model.onnx=beef") == 64
    assert verify(key, "--bundle", BUNDLE, "--as-of", "tomorrow") == 64
    assert verify(key, "--subject", f"a={'0' * 64}", "--subject", f"a={'1' * 64}") == 64


def test_attest_without_a_key_a_place_or_a_bundle(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 for what cannot be read or written, 64 for a command that makes no sense; nothing is signed."""
    assert attest(key.parent / "absent.pem") == 2
    assert attest(key.parent / "gate.pub") == 2
    assert attest(key, "--valid-days", "91") == 64
    assert attest(key, "--valid-days", "0") == 64
    assert attest(key, "--output", "nonsense") == 64
    words = ["attest", str(key.parent / "gone"), "--as-of", AS_OF, "--key", str(key)]
    assert run(*words, "--out", str(key.parent / "out")) == 2
    assert "nothing was signed" in capsys.readouterr().err
    assert not (key.parent / "out").exists()
    assert attest(key, "--out", str(key)) == 2
