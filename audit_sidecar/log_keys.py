# SPDX-License-Identifier: Apache-2.0
"""The keys that sign one log. During a rotation there are several, each signs, and the log itself names them.

A line of a key file is a private key (``PRIVATE+KEY+…``) or names one in AWS KMS: ``KMS+<origin>+<ARN>``.

A checkpoint signed by the old and the new key opens with either, so verifiers change over whenever they like.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from audit_sidecar.errors import StoreRefused
from audit_sidecar.stores.store import Search, StoreReader
from audit_sidecar.tlog.errors import Malformed
from audit_sidecar.tlog.keys import NoteSigner, Signer, Verifier
from contracts import semconv
from contracts.errors import ContractError, SettingInvalid
from contracts.evidence import decode_span
from contracts.otlp import AttributeValue

_KMS: Final = "KMS+"


def load_signers(path: Path) -> tuple[NoteSigner, ...]:
    """The log's keys, the current one first; SettingInvalid names the file and the line."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingInvalid(f"cannot read key file {path}: {reason}; 'countersign keygen' makes one") from error
    return parse_signers(text, str(path))


def parse_signers(text: str, source: str) -> tuple[NoteSigner, ...]:
    """Every line's key, at least one, all of one log and no two alike."""
    signers: list[NoteSigner] = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        try:
            signer = _kms_signer(line) if line.startswith(_KMS) else Signer.from_text(line)
        except (Malformed, SettingInvalid) as error:
            raise SettingInvalid(f"key file {source}:{number}: {error}") from error
        if signers and signer.verifier.name != signers[0].verifier.name:
            raise SettingInvalid(
                f"key file {source}:{number}: a key of {signer.verifier.name!r} beside one of "
                f"{signers[0].verifier.name!r}; a file holds the keys of one log"
            )
        if any(signer.verifier.key_id == other.verifier.key_id for other in signers):
            raise SettingInvalid(f"key file {source}:{number}: the key {signer.verifier.key_id.hex()} occurs twice")
        signers.append(signer)
    return tuple(signers)


def kms_line(origin: str, arn: str) -> str:
    """The line of a key file that names a key in KMS; it holds no secret."""
    return f"{_KMS}{origin}+{arn}"


def _kms_signer(line: str) -> NoteSigner:
    origin, separator, arn = line.removeprefix(_KMS).partition("+")
    if not separator:
        raise Malformed(f"the line does not read {_KMS}<origin>+<ARN>")
    try:
        # Only here: the AWS libraries are needed by nobody who keeps the key in a file.
        from audit_sidecar.kms_signer import open_kms_signer
    except ImportError as error:
        raise SettingInvalid(
            f"a key in KMS needs the AWS libraries ({error.name}): install countersign[aws]"
        ) from error
    return open_kms_signer(origin, arn)


def announcement(verifiers: Sequence[Verifier], reader: StoreReader) -> Mapping[str, AttributeValue] | None:
    """What a ``key`` record has to say, or None when the newest one in the log names just these keys."""
    named = json.dumps(sorted(verifier.to_text() for verifier in verifiers))
    return None if named == _last_named(reader) else {semconv.LOG_KEYS: named}


def _last_named(reader: StoreReader) -> AttributeValue | None:
    found = reader.search(Search(kind="key"), 1)
    payload = found[0][0].payload if found else None
    if payload is None:
        return None
    try:
        return decode_span(payload.span).attributes.get(semconv.LOG_KEYS)
    except ContractError as error:
        raise StoreRefused(f"the newest key record cannot be read: {error}; run 'countersign audit fsck'") from error
