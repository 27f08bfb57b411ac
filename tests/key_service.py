# SPDX-License-Identifier: Apache-2.0
"""AWS KMS as far as a log key needs it, on loopback: two operations of its JSON protocol, with real Ed25519 keys.

As AWS documents: `Sign` with MessageType RAW and ED25519_SHA_512 signs the message itself; a disabled key answers
DisabledException; `GetPublicKey` gives DER SubjectPublicKeyInfo. No access control is imitated.
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.loopback import Door, serving_at

ARN = "arn:aws:kms:eu-west-1:111122223333:key/0199a3f2-c000-7000-8000-00000000000a"


class KeyService:
    """One key, and what it was asked."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.spec = "ECC_NIST_EDWARDS25519"
        self.usage = "SIGN_VERIFY"
        self.disabled = False
        self.denied = False
        self.answers = threading.Event()
        """While it is not set the service takes requests and says nothing."""
        self.answers.set()
        self.forges = False
        self.asked: list[dict[str, Any]] = []

    def answer(self, operation: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body."""
        self.asked.append({"operation": operation, **request})
        if request["KeyId"] != ARN:
            return 400, {"__type": "NotFoundException", "message": "no such key"}
        if self.denied:
            return 400, {"__type": "AccessDeniedException", "message": f"not authorized to perform kms:{operation}"}
        if operation == "GetPublicKey":
            der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            algorithms = ["ED25519_SHA_512"] if self.spec == "ECC_NIST_EDWARDS25519" else ["ECDSA_SHA_256"]
            return 200, {
                "KeyId": ARN,
                "PublicKey": base64.b64encode(der).decode(),
                "KeySpec": self.spec,
                "KeyUsage": self.usage,
                "SigningAlgorithms": algorithms,
            }
        if self.disabled:
            return 400, {"__type": "DisabledException", "message": f"{ARN} is disabled."}
        if request.get("MessageType") != "RAW" or request.get("SigningAlgorithm") != "ED25519_SHA_512":
            return 400, {"__type": "ValidationException", "message": "not raw Ed25519"}
        message = base64.b64decode(request["Message"])
        signature = self.key.sign(message + b"!" if self.forges else message)
        return 200, {"KeyId": ARN, "Signature": base64.b64encode(signature).decode()}


@contextmanager
def serving(service: KeyService) -> Iterator[str]:
    """The URL at which the service answers."""

    class Answering(Door):
        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = service.answer(operation, request)
            if not service.answers.is_set():
                service.answers.wait(60)
                return  # whoever asked has gone
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with serving_at(Answering) as url:
        try:
            yield url
        finally:
            service.answers.set()
