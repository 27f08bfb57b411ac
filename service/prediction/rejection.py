# SPDX-License-Identifier: Apache-2.0
"""A request that cannot be answered as it stands: what is wrong and where, and never the value that is wrong."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from contracts.errors import CountersignError

_AT: Final = re.compile(r"(?s)(.*?)(?: - at `([^`]*)`)?$")
_JSON_WORDS: Final = {"float": "number", "int": "integer", "str": "string", "bool": "boolean"}
_PYTHON_TYPE: Final = re.compile(r"\b(float|int|str|bool)\b")
_FIELD_NAMED: Final = re.compile(r"(?s)Object (missing required|contains unknown) field `(.*)`$")
_LONGEST: Final = 200


class RequestRejected(CountersignError):
    """``kind`` is the stable name of the problem; ``field`` a path such as ``$.instances[3].tenure_months``.

    ``recorded_field`` is what a record may say: the same path without any name that the caller made up.
    """

    def __init__(self, kind: str, detail: str, field: str | None = None, recorded_field: str | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.field = field
        self.recorded_field = field if recorded_field is None else recorded_field


def from_decoding(error: Exception, body: bytes, choices: Mapping[str, tuple[str, ...]]) -> RequestRejected:
    """Why a body could not be decoded: not JSON, or JSON that breaks the schema.

    ``choices`` gives the values of each category by field name, for msgspec's own message repeats what was sent.
    """
    if not isinstance(error, msgspec.ValidationError):
        return RequestRejected("not-json", f"the body is not JSON: {_plain(error)}")
    broken = _syntax_error(body)
    if broken is not None:
        return RequestRejected("not-json", f"the body is not JSON: {broken}")
    match = _AT.match(str(error))
    assert match is not None
    message, path = match.group(1), match.group(2) or "$"
    named = _FIELD_NAMED.match(message)
    if named is not None:
        field = f"{path}.{named.group(2)[:_LONGEST]}"
        if named.group(1) == "missing required":
            return RequestRejected("schema", "a required field is missing", field)
        return RequestRejected("schema", "no such field; see /schema for the fields of a request", field, path)
    if message.startswith("Invalid enum value"):
        values = ", ".join(choices.get(path.rpartition(".")[2], ()))
        message = f"Expected one of: {values}"
    # The decoder speaks of Python's types; a caller speaks JSON.
    message = _PYTHON_TYPE.sub(lambda found: _JSON_WORDS[found.group()], message.replace("`", ""))
    return RequestRejected("schema", message[:1].lower() + message[1:], path)


def _syntax_error(body: bytes) -> str | None:
    # msgspec stops at the first value that breaks the schema; what follows may not even be JSON.
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (ValueError, RecursionError) as error:
        return _plain(error)
    return None


def _plain(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error).removeprefix("JSON is malformed: ")
