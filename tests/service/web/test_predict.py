# SPDX-License-Identifier: Apache-2.0
"""What callers send, good and bad, what they get, and what the log then holds."""

import json
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contracts import semconv
from contracts.evidence import decode_resource
from contracts.identifiers import is_uuid7, parse_uuid, uuid_text
from contracts.payload import cut_export
from contracts.prediction import from_span
from contracts.subject import SubjectKey
from service.model.model import Model
from tests.service.fake_sidecar import FakeSidecar
from tests.service.running import Service, running
from tests.service.small_bundle import BASELINE, ROW

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
JSON = {"content-type": "application/json"}


async def test_answer_and_record_say_the_same(service: Service, sidecar: FakeSidecar) -> None:
    """The record holds the answer as sent, without subject and evidence; input in card order; a pseudonym, no id."""
    response = await service.client.post("/predict", json=ROW, headers={"x-request-id": "order-7"})
    await service.closed()
    answer = response.json()
    evidence = answer.pop("evidence")
    assert answer.pop("customer_id") == "C-1"
    assert set(answer) == {
        "churn_probability", "prediction", "model_version", "request_id", "timestamp", "reasons",
    }  # fmt: skip
    record = sidecar.records[2]
    event = from_span(record.span)
    assert json.loads(event.answer) == answer
    assert json.loads(event.input) == {name: value for name, value in ROW.items() if name != "customer_id"}
    assert list(json.loads(event.input)) == [feature.name for feature in service.parts.bundle.card.features]
    assert event.subject == SubjectKey("k1", b"k" * 32).pseudonym("C-1")
    assert (event.subject_key_id, event.caller, event.client_request_id) == ("k1", "local", "order-7")
    assert (event.label, event.threshold, event.answer_status) == ("churn", 0.5, 200)
    assert round(event.score, 4) == answer["churn_probability"]
    assert event.request_id == parse_uuid(answer["request_id"])
    assert is_uuid7(event.request_id)
    assert event.start <= event.end
    assert evidence["log"] == "test.local/log"
    assert evidence["index"] == 2
    assert b"C-1" not in b"".join(sidecar.kept)


async def test_resource_holds_the_constants_of_the_process_and_nothing_else(
    service: Service, sidecar: FakeSidecar
) -> None:
    """Deployment facts stand in the release record, not on each span."""
    resource = decode_resource(cut_export(sidecar.kept[0])[0].context.resource)
    assert set(resource) == {
        semconv.SERVICE_NAME, semconv.SERVICE_VERSION, semconv.SERVICE_INSTANCE_ID, semconv.MODEL_ID,
        semconv.MODEL_VERSION, semconv.MODEL_DIGEST, semconv.RELEASE_DIGEST,
    }  # fmt: skip
    assert is_uuid7(parse_uuid(str(resource[semconv.SERVICE_INSTANCE_ID])))


async def test_reasons_add_up_to_the_score(service: Service, sidecar: FakeSidecar) -> None:
    """With the baseline, the contributions in the record are the score's logit; the answer has the strongest first."""
    response = await service.client.post("/predict", json=ROW)
    await service.closed()
    event = from_span(sidecar.records[2].span)
    contributions = json.loads(event.explanation or "")
    assert math.isclose(BASELINE + sum(contributions.values()), math.log(event.score / (1 - event.score)), abs_tol=1e-9)
    reasons = response.json()["reasons"]
    strongest = sorted(contributions, key=lambda name: -abs(contributions[name]))
    assert [reason["feature"] for reason in reasons] == strongest
    assert all(abs(reason["contribution"] - contributions[reason["feature"]]) <= 5e-7 for reason in reasons)


async def test_batch_answers_in_order_with_an_id_for_each_row(service: Service, sidecar: FakeSidecar) -> None:
    """Rows keep their order, have ids of their own and one batch id."""
    rows = [ROW | {"customer_id": f"C-{n}", "num_complaints": n} for n in range(5)]
    response = await service.client.post("/predict/batch", json={"instances": rows})
    await service.closed()
    answers = response.json()["predictions"]
    events = {uuid_text(record.span.trace_id): from_span(record.span) for record in sidecar.records[2:7]}
    assert [answer["customer_id"] for answer in answers] == [row["customer_id"] for row in rows]
    assert [json.loads(events[answer["request_id"]].input)["num_complaints"] for answer in answers] == list(range(5))
    assert len({event.batch_id for event in events.values()}) == 1
    assert len(events) == 5


async def test_callers_trace_context_is_a_link_and_never_adopted(service: Service, sidecar: FakeSidecar) -> None:
    """A caller who is not sampled is recorded all the same, under our trace id."""
    response = await service.client.post("/predict", json=ROW, headers={"traceparent": TRACEPARENT})
    await service.closed()
    record = sidecar.records[2]
    assert record.span.trace_id == parse_uuid(response.json()["request_id"])
    assert bytes.fromhex("0af7651916cd43dd8448eb211c80319c") in sidecar.kept[1]


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in ROW.items() if key != name}).encode()


def changed(**members: Any) -> bytes:
    return json.dumps(ROW | members).encode()


BAD = [
    pytest.param(b"", 400, None, id="empty"),
    pytest.param(b"{", 400, None, id="cut"),
    pytest.param(b"\xff", 400, None, id="not UTF-8"),
    pytest.param(changed(tenure_months=1.0).replace(b"1.0", b"NaN", 1), 400, None, id="NaN"),
    pytest.param(changed(tenure_months=1.0).replace(b"1.0", b"Infinity", 1), 400, None, id="Infinity"),
    pytest.param(changed(tenure_months="x")[:-1], 400, None, id="wrong type, then cut"),
    pytest.param(b"[" * 100_000, 400, None, id="deep"),
    pytest.param(b"[]", 422, "$", id="array"),
    pytest.param(b"null", 422, "$", id="null"),
    pytest.param(without("tenure_months"), 422, "$.tenure_months", id="missing"),
    pytest.param(without("customer_id"), 422, "$.customer_id", id="no subject"),
    pytest.param(changed(customer_id=""), 422, "$.customer_id", id="empty subject"),
    pytest.param(changed(customer_id="x" * 257), 422, "$.customer_id", id="long subject"),
    pytest.param(changed(customer_id=7), 422, "$.customer_id", id="subject is a number"),
    pytest.param(changed(shoe_size=44), 422, "$.shoe_size", id="unknown"),
    pytest.param(changed(tenure_months="1"), 422, "$.tenure_months", id="text for number"),
    pytest.param(changed(tenure_months=None), 422, "$.tenure_months", id="null for number"),
    pytest.param(changed(tenure_months=True), 422, "$.tenure_months", id="boolean for number"),
    pytest.param(changed(tenure_months=-0.1), 422, "$.tenure_months", id="too small"),
    pytest.param(changed(tenure_months=120.1), 422, "$.tenure_months", id="too large"),
    pytest.param(changed(num_complaints=1.5), 422, "$.num_complaints", id="fraction for integer"),
    pytest.param(changed(num_complaints=10**400), 422, "$.num_complaints", id="huge integer"),
    pytest.param(changed(tenure_months=1.0).replace(b"1.0", b"1e999", 1), 422, "$.tenure_months", id="huge number"),
]


@pytest.mark.parametrize(("body", "status", "field"), BAD)
async def test_bad_body_is_refused_with_the_path_of_its_field(
    service: Service, sidecar: FakeSidecar, body: bytes, status: int, field: str | None
) -> None:
    """400 what is not JSON, 422 what breaks the schema; one reject record that holds nothing of the input."""
    response = await service.client.post("/predict", content=body, headers=JSON)
    await service.closed()
    problem = response.json()
    assert response.status_code == problem["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert problem.get("field") == field
    reject = sidecar.records[2]
    attributes = reject.span.attributes
    assert reject.kind == "reject"
    assert reject.span.trace_id == parse_uuid(problem["request_id"])
    assert attributes[semconv.HTTP_ROUTE] == "/predict"
    assert attributes[semconv.ANSWER_STATUS] == status
    assert attributes[semconv.PROBLEM_TYPE] == problem["type"]
    assert semconv.INPUT not in attributes
    assert "shoe_size" not in str(attributes)


@pytest.mark.parametrize(
    ("instances", "field"),
    [
        ([ROW, ROW, ROW, ROW | {"tenure_months": "x"}], "$.instances[3].tenure_months"),
        ([ROW, {}], "$.instances[1].customer_id"),
        ([ROW, 5], "$.instances[1]"),
        ([], "$.instances"),
        ([ROW] * 10_001, "$.instances"),
    ],
)
async def test_one_bad_row_refuses_the_batch(
    service: Service, sidecar: FakeSidecar, instances: list[object], field: str
) -> None:
    """All or nothing: 422 with the row's path, one reject, no prediction."""
    response = await service.client.post("/predict/batch", json={"instances": instances})
    await service.closed()
    assert response.status_code == 422
    assert response.json()["field"] == field
    assert sidecar.kinds() == ["release", "heartbeat", "reject", "end"]
    assert sidecar.records[2].span.attributes[semconv.HTTP_ROUTE] == "/predict/batch"


@pytest.mark.parametrize("value", ["", "x" * 129, "caf\u00e9", "a\tb", "me@example.com"])
async def test_bad_request_id_header_is_refused(service: Service, sidecar: FakeSidecar, value: str) -> None:
    """X-Request-Id is at most 128 printable ASCII characters without personal data; its value is repeated nowhere."""
    headers = {"x-request-id": value.encode("latin-1")}
    response = await service.client.post("/predict", json=ROW, headers=headers)  # type: ignore[arg-type]
    await service.closed()
    assert response.status_code == 422
    assert response.json()["field"] == "X-Request-Id"
    assert "example.com" not in response.text
    assert b"example.com" not in b"".join(sidecar.kept)


async def test_personal_data_in_text_is_refused_and_kept_nowhere(
    mixed: Service, sidecar: FakeSidecar, caplog: pytest.LogCaptureFixture
) -> None:
    """The problem names the field and the kind; the value is in no answer, record or log line."""
    row = {"person": "P", "class": "gold", "note": "call me: jo@example.com", "urgent": True, "age": 40}
    response = await mixed.client.post("/predict", json=row)
    batch = await mixed.client.post("/predict/batch", json={"instances": [row | {"note": "fine"}, row]})
    await mixed.closed()
    assert (response.status_code, response.json()["field"]) == (422, "$.note")
    assert (batch.status_code, batch.json()["field"]) == (422, "$.instances[1].note")
    assert "e-mail" in response.json()["detail"]
    told = response.text + batch.text + caplog.text + repr(sidecar.kept)
    assert "jo@example.com" not in told


async def test_any_bundle_is_served(mixed: Service, sidecar: FakeSidecar) -> None:
    """Other names, a text, a category, a boolean, three labels, no reasons: all from the card."""
    row = {"person": "P", "class": "true", "note": "a \u00fc \U0001f600", "urgent": True, "age": 40}
    response = await mixed.client.post("/predict", json=row)
    await mixed.closed()
    answer = response.json()
    assert response.status_code == 200
    assert answer["person"] == "P"
    assert answer["priority"] == "high"
    assert 0.3 < answer["confidence"] < 1
    assert "reasons" not in answer
    event = from_span(sidecar.records[2].span)
    assert (event.threshold, event.explanation) == (None, None)
    assert json.loads(event.input) == {name: value for name, value in row.items() if name != "person"}


async def test_category_outside_the_card_is_refused_without_its_value(mixed: Service) -> None:
    """The detail names the values that are allowed, not the one that was sent."""
    row = {"person": "P", "class": "platinum", "note": "", "urgent": True, "age": 40}
    response = await mixed.client.post("/predict", json=row)
    assert (response.status_code, response.json()["field"]) == (422, "$.class")
    assert "platinum" not in response.text
    assert "gold, silver" in response.json()["detail"]


async def in_parts() -> AsyncIterator[bytes]:
    for _ in range(5):
        yield b" " * 500


async def test_refusals_before_the_body_is_looked_at_are_only_counted(bundle: Path, sidecar: FakeSidecar) -> None:
    """404, 405, 413 and 415 leave no record; each is a problem document with a request id."""
    async with running(bundle, sidecar, max_body=2000) as service:
        client = service.client
        answers = [
            await client.get("/nowhere"),
            await client.get("/predict"),
            await client.put("/predict", json=ROW),
            await client.post("/predict", content=b" " * 2001, headers=JSON),
            await client.post("/predict", content=in_parts(), headers=JSON),
            await client.post("/predict", content=b"a=b", headers={"content-type": "text/plain"}),
            await client.post("/predict", content=b"x", headers=JSON | {"content-encoding": "gzip"}),
        ]
        await service.closed()
    assert [answer.status_code for answer in answers] == [404, 405, 405, 413, 413, 415, 415]
    for answer in answers:
        assert answer.headers["content-type"] == "application/problem+json"
        assert is_uuid7(parse_uuid(answer.json()["request_id"]))
        assert answer.json()["status"] == answer.status_code
    assert answers[1].headers["allow"]
    assert sidecar.kinds() == ["release", "heartbeat", "end"]


async def test_unexpected_failure_is_a_500_with_an_error_record(
    service: Service, sidecar: FakeSidecar, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller learns the request id, the log the class of the error; the message, which may quote input, nobody."""

    def breaks(*_: object) -> None:
        raise LookupError("secret of C-1")

    monkeypatch.setattr(Model, "predict", breaks)
    response = await service.client.post("/predict", json=ROW)
    await service.closed()
    assert response.status_code == 500
    record = sidecar.records[2]
    assert record.kind == "error"
    assert record.span.trace_id == parse_uuid(response.json()["request_id"])
    assert record.span.attributes[semconv.ERROR_TYPE] == "LookupError"
    assert "secret" not in response.text + caplog.text + str(record.span.attributes)


async def test_body_without_a_type_is_taken_for_json(service: Service) -> None:
    """And so are parameters of the type."""
    body = json.dumps(ROW).encode()
    bare = await service.client.post("/predict", content=body)
    charset = await service.client.post(
        "/predict", content=body, headers={"content-type": "Application/JSON; charset=utf-8"}
    )
    assert (bare.status_code, charset.status_code) == (200, 200)


async def test_trailing_slash_takes_the_same_way(service: Service, sidecar: FakeSidecar) -> None:
    """A path that the router normalises gives an answer with evidence, too."""
    response = await service.client.post("/predict/", json=ROW)
    await service.closed()
    assert response.status_code == 200
    assert sidecar.kinds()[2] == "prediction"
