# SPDX-License-Identifier: Apache-2.0
"""Other people's tools verify our verdicts, and we verify what they signed."""

import base64
import datetime as dt
import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0.test_result_pb2 import TestResult as PublishedResult
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]

from policies.verdict.dsse import IN_TOTO, verify
from policies.verdict.signing_keys import PrivateKey, key_id, public_pem
from policies.verdict.verdicts import SignedVerdict, Terms, sign_verdicts
from tests.conformance.outside import outside
from tests.policies.output.reports import failed, passed

ED25519: Final = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
P256: Final = ec.derive_private_key(0x1234567, ec.SECP256R1())
TERMS: Final = Terms(dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC))

both_keys = pytest.mark.parametrize("key", [ED25519, P256], ids=["ed25519", "p256"])


def signed(key: PrivateKey) -> SignedVerdict:
    (verdict,) = sign_verdicts(failed(), key, TERMS)
    return verdict


def their_key(key: PrivateKey) -> SSlibKey:
    return SSlibKey.from_crypto(key.public_key(), keyid=key_id(key.public_key()))


@both_keys
def test_securesystemslib_verifies_our_envelopes(key: PrivateKey) -> None:
    """The reference implementation of DSSE accepts verdict and companion, and refuses another payload."""
    for envelope in (signed(key).verdict, signed(key).test_result):
        theirs = Envelope.from_dict(json.loads(envelope))
        accepted = theirs.verify([their_key(key)], threshold=1)
        assert list(accepted) == [key_id(key.public_key())]
        theirs.payload += b" "
        with pytest.raises(VerificationError):
            theirs.verify([their_key(key)], threshold=1)


@both_keys
def test_we_verify_what_securesystemslib_signed(key: PrivateKey) -> None:
    """An envelope of theirs opens here, once its key has the name that we give it."""
    theirs = Envelope(b"said by others", IN_TOTO, {})
    theirs.sign(CryptoSigner(key, their_key(key)))
    envelope = json.dumps(theirs.to_dict()).encode()
    assert verify(envelope, {key_id(key.public_key()): key.public_key()}).payload == b"said by others"


def payload(envelope: bytes) -> dict[str, Any]:
    value = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
    assert isinstance(value, dict)
    return value


def test_in_toto_reads_our_statements() -> None:
    """The published types of in-toto parse both statements strictly, and find them valid."""
    for envelope in (signed(ED25519).verdict, signed(ED25519).test_result):
        message = json_format.ParseDict(payload(envelope), StatementMessage())
        Statement.copy_from_pb(message).validate()


def test_in_toto_reads_our_test_results() -> None:
    """The predicate has no field that the published type does not know."""
    predicate = payload(signed(ED25519).test_result)["predicate"]
    read = json_format.ParseDict(predicate, PublishedResult())
    assert read.result == "FAILED"
    assert list(read.failed_tests) == ["APPR-005"]


def asked(envelope: bytes, key: PrivateKey, folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "key.pem").write_text(public_pem(key.public_key()))
    (folder / "envelope").write_bytes(envelope)
    command = [str(outside("verdict")), str(folder / "envelope"), str(folder / "key.pem")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@both_keys
def test_the_go_libraries_of_in_toto_verify_our_verdicts(key: PrivateKey, tmp_path: Path) -> None:
    """They verify the envelope, and read summary and test result as their own types, without an unknown field."""
    for envelope in (signed(key).verdict, signed(key).test_result):
        finished = asked(envelope, key, tmp_path)
        assert finished.returncode == 0, finished.stderr
        answer = json.loads(finished.stdout)
        assert answer["keyid"] == key_id(key.public_key())
        assert answer["predicate"] == payload(envelope)["predicate"]


@both_keys
def test_the_go_libraries_of_in_toto_refuse_what_was_changed(key: PrivateKey, tmp_path: Path) -> None:
    """A no that was made a yes, and a sound verdict under another key."""
    value = json.loads(signed(key).verdict)
    value["payload"] = json.loads(sign_verdicts(passed(), key, TERMS)[0].verdict)["payload"]
    assert asked(json.dumps(value).encode(), key, tmp_path).returncode == 1
    other = P256 if key is ED25519 else ED25519
    assert asked(signed(key).verdict, other, tmp_path).returncode == 1
