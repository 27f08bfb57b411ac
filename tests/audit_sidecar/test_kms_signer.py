# SPDX-License-Identifier: Apache-2.0
"""A log key in a key service: raw Ed25519 through the real botocore, checked before it is used."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_sidecar.errors import Fatal, Pushback
from audit_sidecar.kms_signer import MAX_MESSAGE, open_kms_signer
from audit_sidecar.log_keys import kms_line, load_signers, parse_signers
from audit_sidecar.tlog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from audit_sidecar.tlog.errors import BadSignature
from audit_sidecar.tlog.keys import generate_signer
from contracts.address import free_ports
from contracts.errors import SettingInvalid
from countersign.commands.keygen import write_keys
from countersign.rotation import rotate_log_key
from tests.key_service import ARN, KeyService, serving

ORIGIN = "log.example.com/prod"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyService]:
    """A running key service that botocore finds."""
    made = KeyService()
    with serving(made) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield made


def test_a_checkpoint_signed_there_opens_here(service: KeyService) -> None:
    """The note opens with the public half, and the service was asked for a raw signature of the note's own text."""
    signer = open_kms_signer(ORIGIN, ARN)
    checkpoint = Checkpoint(ORIGIN, 7, bytes(range(32)))
    note = sign_checkpoint(checkpoint, [signer])
    assert open_checkpoint(note, [signer.verifier]) == checkpoint
    asked = service.asked[-1]
    assert (asked["operation"], asked["MessageType"], asked["SigningAlgorithm"]) == ("Sign", "RAW", "ED25519_SHA_512")


def test_a_signature_that_is_not_the_keys_ends_the_process(service: KeyService) -> None:
    """A service that signs something else is found out before anybody is shown the note."""
    signer = open_kms_signer(ORIGIN, ARN)
    service.forges = True
    with pytest.raises(Fatal, match="not its own"):
        signer.sign(b"text\n")


def test_a_key_that_is_switched_off_is_asked_again_later(service: KeyService) -> None:
    """No signature now is no reason to stop recording: the checkpoint waits."""
    signer = open_kms_signer(ORIGIN, ARN)
    service.disabled = True
    with pytest.raises(Pushback, match="does not sign now"):
        signer.sign(b"text\n")
    service.disabled = False
    assert signer.verifier.accepts(b"text\n", signer.sign(b"text\n"))


def test_a_message_beyond_what_the_service_takes_is_never_sent(service: KeyService) -> None:
    """The limit of raw messages is kept here, and named."""
    signer = open_kms_signer(ORIGIN, ARN)
    signer.sign(bytes(MAX_MESSAGE))
    count = len(service.asked)
    with pytest.raises(Fatal, match=str(MAX_MESSAGE)):
        signer.sign(bytes(MAX_MESSAGE + 1))
    assert len(service.asked) == count


@pytest.mark.parametrize(("spec", "usage"), [("ECC_NIST_P256", "SIGN_VERIFY"), ("RSA_2048", "ENCRYPT_DECRYPT")])
def test_another_kind_of_key_is_refused_by_name(service: KeyService, spec: str, usage: str) -> None:
    """A key that cannot sign logs is told at once, with what to make instead."""
    service.spec, service.usage = spec, usage
    with pytest.raises(SettingInvalid, match=f"{spec}.*ECC_NIST_EDWARDS25519"):
        open_kms_signer(ORIGIN, ARN)


@pytest.mark.parametrize("arn", ["", "alias/x", ARN.replace("kms", "s3"), f"{ARN}\n", f"{ARN} x"])
def test_what_is_no_arn_is_never_asked_for(service: KeyService, arn: str) -> None:
    """A mistyped ARN is a setting, not a request."""
    with pytest.raises(SettingInvalid, match="no ARN"):
        open_kms_signer(ORIGIN, arn)
    assert service.asked == []


def test_an_unknown_key_names_the_right_it_takes(service: KeyService) -> None:
    """A key that does not answer is a setting that names the permission."""
    with pytest.raises(SettingInvalid, match="kms:GetPublicKey"):
        open_kms_signer(ORIGIN, ARN[:-1] + "b")
    assert service.asked


def test_a_service_that_is_away_is_no_missing_right(monkeypatch: pytest.MonkeyPatch, service: KeyService) -> None:
    """Where nobody answers, nothing is said of permissions."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(SettingInvalid, match="look at network and credentials") as refused:
        open_kms_signer(ORIGIN, ARN)
    assert "kms:GetPublicKey" not in str(refused.value)
    assert service.asked == []


def test_a_key_file_may_name_a_key_in_kms(service: KeyService, tmp_path: Path) -> None:
    """Keygen writes the line and the public half; the sidecar's loader gives a signer for it."""
    verifier = write_keys(ORIGIN, tmp_path, ARN)
    assert (tmp_path / "log.key").read_text() == f"{kms_line(ORIGIN, ARN)}\n"
    assert (tmp_path / "log.vkey").read_text() == f"{verifier.to_text()}\n"
    (signer,) = load_signers(tmp_path / "log.key")
    assert signer.verifier == verifier
    assert service.asked


@pytest.mark.parametrize("line", ["KMS+", f"KMS+{ORIGIN}", f"KMS+{ORIGIN}+alias/x", f"KMS++{ARN}"])
def test_half_a_line_is_refused_by_its_number(service: KeyService, line: str) -> None:
    """A key file says on which line it is wrong, for keys in KMS too."""
    del service
    with pytest.raises(SettingInvalid, match=r"log\.key:1"):
        parse_signers(line, "log.key")


def test_a_log_moves_into_kms_by_a_rotation(service: KeyService, tmp_path: Path) -> None:
    """The key in KMS comes first, the one in the file goes on signing, and either opens a checkpoint."""
    old = write_keys(ORIGIN, tmp_path)
    fresh, kept = rotate_log_key(tmp_path / "log.key", tmp_path / "log.vkey", ARN)
    assert kept == old
    signers = load_signers(tmp_path / "log.key")
    assert [signer.verifier for signer in signers] == [fresh, old]
    note = sign_checkpoint(Checkpoint(ORIGIN, 3, bytes(32)), signers)
    for verifier in (fresh, old):
        assert open_checkpoint(note, [verifier]).size == 3
    with pytest.raises(BadSignature):
        open_checkpoint(note, [generate_signer(ORIGIN).verifier])
    with pytest.raises(SettingInvalid, match="already"):
        rotate_log_key(tmp_path / "log.key", tmp_path / "log.vkey", ARN)
    assert service.asked
