# SPDX-License-Identifier: Apache-2.0
"""The manifests digest: one SHA-256 for one set of objects, however they were written, ordered or split over files.

It is taken over RFC 8785 JSON of the list of objects sorted by (apiVersion, kind, namespace, name), without objects
that carry the label `countersign.dev/gate` and without the annotation `countersign.dev/verdict` at any depth, because
both name the verdict that is signed over this digest. Two objects of one name are left to the reader to refuse.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import rfc8785

from contracts.deployment import GATE_LABEL, VERDICT_ANNOTATION
from contracts.errors import ContractError

Identity = tuple[str, str, str, str]


def manifests_digest(objects: Iterable[dict[str, Any]]) -> str:
    """Lower-case hex. Raises ContractError for a value that JSON cannot say exactly, such as an integer over 2**53."""
    bound = [(identity(item), _canonical(_without_verdict(item))) for item in objects if not is_gate(item)]
    # Objects made with `generateName` have no name yet; their bytes decide between them.
    return hashlib.sha256(b"[" + b",".join(text for _, text in sorted(bound)) + b"]").hexdigest()


def identity(item: dict[str, Any]) -> Identity:
    """What tells one object from another: apiVersion, kind, namespace, name; empty where it has none."""
    metadata = item.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    return (_text(item, "apiVersion"), _text(item, "kind"), _text(named, "namespace"), _text(named, "name"))


def is_gate(item: dict[str, Any]) -> bool:
    """Whether an object belongs to the gate itself, and so is no part of the digest."""
    metadata = item.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return isinstance(labels, dict) and GATE_LABEL in labels


def _text(mapping: dict[str, Any], key: str) -> str:
    value = mapping.get(key)
    return value if isinstance(value, str) else ""


def _without_verdict(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_verdict(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _without_verdict(item) for key, item in value.items()}
    annotations = kept.get("annotations")
    if isinstance(annotations, dict):
        annotations.pop(VERDICT_ANNOTATION, None)
    return kept


def _canonical(value: Any) -> bytes:
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise ContractError(f"an object has no canonical JSON: {error}") from None
