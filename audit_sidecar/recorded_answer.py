# SPDX-License-Identifier: Apache-2.0
"""Compare an answer that somebody holds with the answer that was recorded.

The record leaves out the subject field, whose name it does not know, and ``evidence``, which did not exist yet. So one
further member with a text value is let through and named as unproven; any other difference is a `VerificationError`.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from audit_sidecar.tlog.errors import VerificationError
from contracts import semconv
from contracts.canonical import parse_json
from contracts.errors import ContractError
from contracts.evidence import read_record

EVIDENCE = "evidence"


def parse_answer(text: bytes | str) -> dict[str, Any]:
    """Return the members of a JSON object with every number exact; ContractError for anything else."""
    parse_json(text)  # refuses duplicate keys and what only Python calls JSON
    try:
        answer = json.loads(text, parse_float=Decimal)
    except InvalidOperation as error:
        raise ContractError("the answer holds a number beyond any range") from error
    if not isinstance(answer, dict):
        raise ContractError("an answer is a JSON object")
    return answer


def compare_evidence(answer: dict[str, Any], origin: str, index: int, leaf: bytes) -> None:
    """Refuse an answer whose ``evidence``, if it has one, names another log, index or leaf hash."""
    expected = {"log": origin, "index": index, "leaf_hash": leaf.hex()}
    if EVIDENCE in answer and (difference := _difference(expected, answer[EVIDENCE], f"$.{EVIDENCE}")):
        raise VerificationError(f"the answer points to another leaf than the receipt's: {difference}")


class Compared(NamedTuple):
    """How many recorded members are equal, and the one member of the answer that the record cannot show, if any."""

    equal: int
    not_shown: str | None


def compare_answer(answer: dict[str, Any], span: bytes) -> Compared:
    """Compare with the recorded answer; VerificationError when it is another one."""
    text = read_record(span).span.attributes.get(semconv.ANSWER)
    if not isinstance(text, str):
        raise VerificationError("the record holds no answer")
    recorded = parse_answer(text)
    further = sorted(set(answer) - set(recorded) - {EVIDENCE})
    if len(further) > 1 or any(not isinstance(answer[name], str) for name in further):
        raise VerificationError(f"the answer has members that were not recorded: {', '.join(map(repr, further))}")
    # A response never repeats its evidence in the record; a record that has it must match like any other member.
    held = {name: value for name, value in answer.items() if name in recorded}
    try:
        difference = _difference(recorded, held, "$")
    except RecursionError as error:
        raise VerificationError("the recorded answer is nested too deeply to compare") from error
    if difference:
        raise VerificationError(f"the answer differs from the recorded one: {difference}")
    return Compared(len(recorded), further[0] if further else None)


def _difference(recorded: Any, held: Any, path: str) -> str | None:
    if isinstance(recorded, dict) and isinstance(held, dict):
        return _object_difference(recorded, held, path)
    if isinstance(recorded, list) and isinstance(held, list):
        if len(recorded) != len(held):
            return f"{path} has {len(held)} elements, recorded are {len(recorded)}"
        pairs = enumerate(zip(recorded, held, strict=True))
        return next((found for at, (a, b) in pairs if (found := _difference(a, b, f"{path}[{at}]"))), None)
    # Python holds True equal to 1; JSON does not.
    if isinstance(recorded, bool) is isinstance(held, bool) and recorded == held:
        return None
    return f"{path} is {_shorten(held)}, recorded is {_shorten(recorded)}"


def _object_difference(recorded: dict[str, Any], held: dict[str, Any], path: str) -> str | None:
    if missing := sorted(recorded.keys() - held.keys()):
        return f"{path} lacks the recorded {missing[0]!r}"
    if extra := sorted(held.keys() - recorded.keys()):
        return f"{path} has {extra[0]!r}, which was not recorded"
    pairs = ((name, recorded[name], held[name]) for name in sorted(recorded))
    return next((found for name, a, b in pairs if (found := _difference(a, b, f"{path}.{name}"))), None)


def _shorten(value: Any) -> str:
    text = str(value) if isinstance(value, Decimal) else json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
