# SPDX-License-Identifier: Apache-2.0
"""A log key that lives in AWS KMS and never leaves it: Ed25519 (`ECC_NIST_EDWARDS25519`), signing raw messages.

Every signature is verified with the key's public half before it is used, so a service that answers wrongly, or with
another key, cannot make a checkpoint that nobody can open.
"""

import re
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from audit_sidecar.errors import Fatal, Pushback
from audit_sidecar.tlog.keys import Verifier
from contracts.errors import SettingInvalid

ARN: Final = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+")
ALGORITHM: Final = "ED25519_SHA_512"
MAX_MESSAGE: Final = 4096
"""KMS takes no longer message raw; a checkpoint has some hundred bytes."""


class KmsSigner:
    """Signs notes of one log with one KMS key; `open_kms_signer` makes one."""

    def __init__(self, client: Any, arn: str, verifier: Verifier) -> None:
        self._client = client
        self._arn = arn
        self._verifier = verifier

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return self._verifier

    def sign(self, message: bytes) -> bytes:
        """The signature of the message. Pushback when KMS does not sign now; Fatal when it signed something else."""
        if len(message) > MAX_MESSAGE:
            raise Fatal(f"the note has {len(message)} bytes, and {self._arn} signs at most {MAX_MESSAGE}")
        try:
            answer = self._client.sign(KeyId=self._arn, Message=message, MessageType="RAW", SigningAlgorithm=ALGORITHM)
        except (BotoCoreError, ClientError, OSError) as error:
            raise Pushback(f"the log key {self._arn} does not sign now: {error}") from error
        signature: bytes = answer["Signature"]
        if not self._verifier.accepts(message, signature):
            raise Fatal(f"{self._arn} gave a signature that is not its own; nothing more is signed")
        return signature


def open_kms_signer(origin: str, arn: str) -> KmsSigner:
    """The signer of a log, its public key fetched; credentials and endpoint are botocore's to find. SettingInvalid."""
    match = ARN.fullmatch(arn)
    if match is None:
        raise SettingInvalid(f"{arn[:120]!r} is no ARN of a KMS key; write arn:aws:kms:REGION:ACCOUNT:key/ID")
    # A checkpoint is due every second, and a sidecar that ends waits for its last one: what hangs is given up.
    config = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=1, read_timeout=2)
    try:
        client = get_session().create_client("kms", region_name=match["region"], config=config)
    except (BotoCoreError, ValueError) as error:
        raise SettingInvalid(f"{arn}: {error}; set credentials as for any AWS program") from error
    return signer_of(client, origin, arn)


def signer_of(client: Any, origin: str, arn: str) -> KmsSigner:
    """The signer over a KMS client. SettingInvalid when the key cannot be read, or is none that signs logs."""
    try:
        answer = client.get_public_key(KeyId=arn)
    except ClientError as error:
        raise SettingInvalid(f"cannot read the public key of {arn}: {error}; allow kms:GetPublicKey on it") from error
    except (BotoCoreError, OSError) as error:
        raise SettingInvalid(
            f"cannot read the public key of {arn}: {error}; look at network and credentials, and begin again"
        ) from error
    if answer.get("KeyUsage") != "SIGN_VERIFY" or ALGORITHM not in answer.get("SigningAlgorithms", ()):
        raise SettingInvalid(
            f"{arn} is a key for {answer.get('KeySpec')} and {answer.get('KeyUsage')}; a log is signed by one made "
            "with key spec ECC_NIST_EDWARDS25519 and usage SIGN_VERIFY"
        )
    try:
        key = load_der_public_key(answer["PublicKey"])
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingInvalid(f"the public key of {arn} cannot be read: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SettingInvalid(f"the public key of {arn} is no Ed25519 key")
    return KmsSigner(client, arn, Verifier(origin, key.public_bytes_raw()))
