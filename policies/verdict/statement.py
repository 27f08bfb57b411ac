# SPDX-License-Identifier: Apache-2.0
"""The statements that a verdict is made of: a SLSA verification summary (VSA v1), and test-result v0.1 beside it.

Both are in-toto Statements v1. The fields are those of slsa.dev/spec/v1.2/verification_summary and of in-toto's
attestation framework; what these have no field for stands under URIs of our own, as VSA asks. Decoding is strict about
types and duplicate keys and ignores what it does not know, which the signature covers all the same.
"""

import datetime as dt
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from contracts.canonical import parse_json
from contracts.errors import ContractError
from contracts.model_card_serving import Sha256

STATEMENT: Final = "https://in-toto.io/Statement/v1"
VSA: Final = "https://slsa.dev/verification_summary/v1"
TEST_RESULT: Final = "https://in-toto.io/attestation/test-result/v0.1"
VERIFIER: Final = "https://countersign.dev/gate/v1"
POLICY: Final = "https://countersign.dev/policy/"
"""Followed by the name of the profile."""
SLSA_VERSION: Final = "1.2"
_EXTENSION: Final = "https://countersign.dev/verdict/v1/"

Instant = Annotated[dt.datetime, Meta(tz=True)]
Digests = dict[str, str]


class Subject(Struct, frozen=True, kw_only=True):
    """A file, or rendered manifests, by name and SHA-256."""

    name: str
    digest: dict[Literal["sha256"], Sha256]


class Resource(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What in-toto calls a resource descriptor."""

    name: str | None = None
    uri: str | None = None
    digest: Digests = {}


class Verifier(Struct, frozen=True, kw_only=True):
    """Who judged, and with which version of what."""

    id: str
    version: dict[str, str] = {}


class WaiverUsed(Struct, frozen=True, kw_only=True):
    """A deviation that the verdict rests on."""

    id: str
    rule: str
    expires: dt.date
    reason: str


class TargetCovered(Struct, frozen=True, kw_only=True):
    """A target that was judged; nothing is said about any other."""

    kind: str
    name: str
    digests: Digests


class Summary(Struct, frozen=True, kw_only=True, rename="camel"):
    """The predicate of a verdict."""

    verifier: Verifier
    time_verified: Instant
    resource_uri: str
    policy: Resource
    input_attestations: tuple[Resource, ...]
    verification_result: Literal["PASSED", "FAILED"]
    verified_levels: tuple[str, ...]
    slsa_version: str = SLSA_VERSION
    not_after: Instant = field(name=f"{_EXTENSION}notAfter")
    """From this instant on the verdict says nothing."""
    outcome: str = field(name=f"{_EXTENSION}outcome")
    """Of the run: ``passed``, ``failed`` or ``could not evaluate``."""
    profile: str = field(name=f"{_EXTENSION}profile")
    as_of: dt.date = field(name=f"{_EXTENSION}asOf")
    """The day that was judged for."""
    law_as_of: dt.date | None = field(name=f"{_EXTENSION}lawAsOf")
    waivers: tuple[WaiverUsed, ...] = field(name=f"{_EXTENSION}waivers")
    targets: tuple[TargetCovered, ...] = field(name=f"{_EXTENSION}targets")
    notices: tuple[str, ...] = field(name=f"{_EXTENSION}notices")


class RuleResults(Struct, frozen=True, kw_only=True, rename="camel"):
    """The predicate that says which rules passed, warned and failed, by rule id."""

    result: Literal["PASSED", "WARNED", "FAILED"]
    configuration: tuple[Resource, ...]
    passed_tests: tuple[str, ...]
    warned_tests: tuple[str, ...]
    failed_tests: tuple[str, ...]


class VerdictStatement(Struct, frozen=True, kw_only=True, rename="camel"):
    """A verification summary about its subjects."""

    type: Literal["https://in-toto.io/Statement/v1"] = field(name="_type", default="https://in-toto.io/Statement/v1")
    subject: tuple[Subject, ...]
    predicate_type: str = VSA
    predicate: Summary


class RuleResultsStatement(Struct, frozen=True, kw_only=True, rename="camel"):
    """A test result about the same subjects."""

    type: Literal["https://in-toto.io/Statement/v1"] = field(name="_type", default="https://in-toto.io/Statement/v1")
    subject: tuple[Subject, ...]
    predicate_type: str = TEST_RESULT
    predicate: RuleResults


class AnyStatement(Struct, frozen=True, kw_only=True, rename="camel"):
    """What every statement says before its predicate."""

    type: Literal["https://in-toto.io/Statement/v1"] = field(name="_type")
    subject: Annotated[tuple[Subject, ...], Meta(min_length=1)]
    predicate_type: str


_PREDICATES: Final[dict[type, str]] = {VerdictStatement: VSA, RuleResultsStatement: TEST_RESULT}
_Read = TypeVar("_Read")
_Statement = TypeVar("_Statement", VerdictStatement, RuleResultsStatement)


def encode(statement: VerdictStatement | RuleResultsStatement) -> bytes:
    """The JSON that is signed."""
    return msgspec.json.encode(statement)


def decode_any(payload: bytes) -> AnyStatement:
    """Read what every statement says, whatever its predicate. Raises ContractError."""
    return _convert(parse_json(payload), AnyStatement)


def decode(payload: bytes, kind: type[_Statement]) -> _Statement:
    """Read what was signed. Raises ContractError, also for another predicate type than the kind's."""
    found = decode_any(payload).predicate_type
    if found != _PREDICATES[kind]:
        raise ContractError(f"the predicate type is {found!r}, not {_PREDICATES[kind]!r}")
    return _convert(parse_json(payload), kind)


def _convert(value: Any, kind: type[_Read]) -> _Read:
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ContractError(f"not a statement of this kind: {error}") from None
