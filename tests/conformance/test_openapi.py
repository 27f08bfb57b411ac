# SPDX-License-Identifier: Apache-2.0
"""Both APIs hold to their own OpenAPI documents, whatever is sent: never a 5xx, answers as the schema says."""

import hashlib
from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import booleans
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.end_to_end.living import LEAVING, Living, Process

EXAMPLES = 40
SECRET = "of-every-role"
AUTHORISED = {"Authorization": f"Bearer {SECRET}"}
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """Service and sidecar that ask for tokens, with something in the log."""
    folder = tmp_path_factory.mktemp("stack")
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    roles = ["consumer", "auditor", "operator", "producer"]
    (folder / "tokens.toml").write_text(f'[[token]]\nname = "all"\nroles = {roles}\nsha256 = "{digest}"\n')
    (folder / "audit.token").write_text(SECRET)
    running = Living(folder)
    tokens, audit_token = str(folder / "tokens.toml"), str(folder / "audit.token")
    programs = running.stack._replace(tokens=tokens, audit_token=audit_token)
    running.sidecar = Process(programs.sidecar(), folder / "sidecar.log")
    running.service = Process(programs.service(), folder / "service.log")
    try:
        running.start()
        for _ in range(3):
            assert running.predict(LEAVING, **AUTHORISED).status == 200
        yield running
    finally:
        running.end()


@pytest.mark.parametrize("mode", MODES, ids=["what the document allows", "what it does not"])
def test_the_service_keeps_to_its_document(stack: Living, mode: GenerationMode) -> None:
    """Every route of the service."""
    _keeps_to_its_document(stack, stack.stack.url, mode)


@pytest.mark.parametrize("mode", MODES, ids=["what the document allows", "what it does not"])
def test_the_audit_api_keeps_to_its_document(stack: Living, mode: GenerationMode) -> None:
    """Every route of the audit API."""
    _keeps_to_its_document(stack, stack.stack.audit_url, mode)


def _keeps_to_its_document(stack: Living, url: str, mode: GenerationMode) -> None:
    known = stack.predict(LEAVING, **AUTHORISED).body["request_id"]
    schema = schemathesis.openapi.from_url(f"{url}/schema/openapi.json")
    operations: list[Any] = [cast(Any, result).ok() for result in schema.get_all_operations()]
    if mode is GenerationMode.NEGATIVE:  # what takes nothing cannot be given anything wrong
        operations = [operation for operation in operations if list(operation.iter_parameters()) or operation.body]
    assert len(operations) >= 4
    attacks = {operation.label: _failure(operation, url, mode, known) for operation in operations}
    failures = {label: failure for label, failure in attacks.items() if failure is not None}
    assert not failures, "\n\n".join(f"{label}: {failure}" for label, failure in failures.items())


def _failure(operation: Any, url: str, mode: GenerationMode, known: str) -> str | None:
    """The first answer to this operation that is not as its document says."""

    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_known=booleans())
    def attack(case: Any, is_known: bool) -> None:
        if is_known and mode is GenerationMode.POSITIVE and "request_id" in (case.path_parameters or {}):
            case.path_parameters["request_id"] = known
        # Valid to a schema may still be no time, no id of ours, or 1.0 where an integer is meant: then it is a 4xx.
        answer = case.call(base_url=url, headers=AUTHORISED)
        # Schemathesis does not count 414 among the refusals of what is wrong; it may be too long as well. And a list of
        # one thing is, in a query, that thing: what is wrong with it does not reach us.
        lost = any(isinstance(value, list) and len(value) < 2 for value in (case.query or {}).values())
        unasked = [negative_data_rejection] if lost or answer.status_code == 414 else []
        case.validate_response(answer, excluded_checks=[positive_data_acceptance, *unasked])

    try:
        attack()
    except BaseExceptionGroup as failures:
        return str(failures)
    return None
