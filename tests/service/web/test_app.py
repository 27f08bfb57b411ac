# SPDX-License-Identifier: Apache-2.0
"""Roles, health, the card, OpenAPI and metrics of the application."""

import hashlib
from pathlib import Path

import jsonschema
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from contracts import metrics
from contracts.cyclonedx import Model, ml_bom
from contracts.model_card import parse_card
from contracts.review import WARNING_HEADER
from contracts.tokens import ROLES, token_hash
from tests.service.fake_sidecar import FakeSidecar
from tests.service.running import Service, running
from tests.service.small_bundle import ROW

ROUTES = [
    ("POST", "/predict", "consumer"),
    ("POST", "/predict/batch", "consumer"),
    ("GET", "/predict/01a20929-93b6-7f55-bc2c-7c40690bf335/receipt", "consumer"),
    ("POST", "/receipts", "consumer"),
    ("GET", "/governance/model-card", "consumer"),
    ("GET", "/governance/audit-log", "auditor"),
]
OPEN = ["/healthz", "/ready", "/metrics", "/schema/openapi.json"]


def write_tokens(folder: Path) -> Path:
    path = folder / "tokens.toml"
    entries = [f'[[token]]\nname = "{r}"\nroles = ["{r}"]\nsha256 = "{token_hash(r).hex()}"\n' for r in ROLES]
    past = (
        f'[[token]]\nname = "past"\nroles = ["consumer"]\nsha256 = "{token_hash("past").hex()}"\nexpires = 2020-01-01\n'
    )
    path.write_text("\n".join([*entries, past]))
    return path


async def test_roles_do_not_nest(bundle: Path, sidecar: FakeSidecar) -> None:
    """401 without a valid token, 403 with any but the right role, and no record of either."""
    async with running(bundle, sidecar, tokens=str(write_tokens(bundle))) as service:
        for method, path, right in ROUTES:
            for bearer in (None, "wrong", "past"):
                headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
                response = await service.client.request(method, path, headers=headers)
                assert response.status_code == 401, (path, bearer)
                assert response.headers["www-authenticate"] == "Bearer"
            for role in ROLES:
                response = await service.client.request(method, path, headers={"authorization": f"Bearer {role}"})
                assert (response.status_code == 403) == (role != right), (path, role)
        for path in OPEN:
            assert (await service.client.get(path)).status_code == 200
        answer = await service.client.post("/predict", json=ROW, headers={"authorization": "bearer consumer"})
        assert answer.status_code == 200
        await service.closed()
    callers = {record.span.attributes.get("countersign.caller") for record in sidecar.records[2:-1]}
    assert callers == {"consumer"}


async def test_health_and_readiness(service: Service) -> None:
    """The bodies that probes and people know."""
    assert (await service.client.get("/healthz")).json() == {"status": "ok", "model_version": "1.0.0"}
    assert (await service.client.get("/ready")).json() == {"status": "ready", "model_id": "small-churn"}


async def test_probes_write_no_record(service: Service, sidecar: FakeSidecar) -> None:
    """Whatever is probed, the stream holds no more than before."""
    for path in OPEN:
        await service.client.get(path)
    await service.closed()
    assert sidecar.kinds() == ["release", "heartbeat", "end"]


async def test_card_as_json_and_as_the_very_file(service: Service, bundle: Path) -> None:
    """The digest in the JSON is the SHA-256 of the YAML."""
    card = (await service.client.get("/governance/model-card")).json()
    plain = await service.client.get("/governance/model-card?format=yaml")
    assert plain.content == (bundle / "card.yaml").read_bytes()
    assert card["digest"] == hashlib.sha256(plain.content).hexdigest()
    names = (
        "model_id", "version", "features", "metrics", "fairness", "governance_tier", "eu_ai_act_classification",
        "next_review",
    )  # fmt: skip
    assert all(card[name] is not None for name in names)


async def test_card_as_a_bill_of_materials(service: Service, bundle: Path) -> None:
    """It is the document that the gate writes of the same card, with the digests of card and artifact."""
    response = await service.client.get("/governance/model-card?format=cyclonedx")
    assert response.headers["content-type"] == "application/vnd.cyclonedx+json; version=1.7"
    card = parse_card((bundle / "card.yaml").read_bytes())
    digest = hashlib.sha256((bundle / "card.yaml").read_bytes()).hexdigest()
    assert response.content == ml_bom([Model(card, digest)])
    (model,) = response.json()["components"]
    assert model["hashes"] == [{"alg": "SHA-256", "content": card.artifact.sha256}]
    assert {"name": "countersign:card", "value": digest} in model["properties"]


async def test_form_of_the_card_that_does_not_exist(service: Service) -> None:
    """What is not there is said, not pretended."""
    response = await service.client.get("/governance/model-card?format=pdf")
    assert response.status_code == 400
    assert "json" in response.json()["detail"]


async def test_openapi_describes_what_is_really_decoded(service: Service, mixed_bundle: Path) -> None:
    """The request schema accepts the request that the service answers, and the answer fits the answer's schema."""
    document = (await service.client.get("/schema/openapi.json")).json()
    answer = (await service.client.post("/predict", json=ROW)).json()
    schemas = {"components": document["components"]}
    for name, value in (("PredictRequest", ROW), ("PredictAnswer", answer), ("BatchRequest", {"instances": [ROW]})):
        jsonschema.validate(value, {"$ref": f"#/components/schemas/{name}"} | schemas)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(ROW | {"tenure_months": 121}, {"$ref": "#/components/schemas/PredictRequest"} | schemas)
    assert {"/predict", "/predict/batch", "/receipts", "/governance/audit-log"} <= set(document["paths"])
    headers = {path: list(methods["post"]["responses"]["200"].get("headers", {}))
               for path, methods in document["paths"].items() if "post" in methods}  # fmt: skip
    assert headers == {"/predict": [WARNING_HEADER], "/predict/batch": [WARNING_HEADER], "/receipts": []}


async def test_metrics_have_their_names_and_exemplars(service: Service, sidecar: FakeSidecar) -> None:
    """Each series of the contract is there; exemplars name the trace id of a record in the log."""
    answer = (await service.client.post("/predict", json=ROW)).json()
    await service.client.post("/predict", json={})
    await service.client.get("/no/such/route")
    headers = {"accept": "application/openmetrics-text; version=1.0.0"}
    response = await service.client.get("/metrics", headers=headers)
    families = {family.name: family for family in text_string_to_metric_families(response.text)}  # type: ignore[no-untyped-call]
    assert {name.removesuffix("_total") for name in metrics.SERVICE_METRICS} == set(families)
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample
        for family in families.values()
        for sample in family.samples
    }
    trace = answer["request_id"].replace("-", "")
    predictions = [sample for sample in samples.values() if sample.name == metrics.PREDICTIONS]
    assert [(sample.value, sample.exemplar.labels["trace_id"]) for sample in predictions if sample.exemplar] == [
        (1, trace)
    ]
    for name in (metrics.REQUEST_DURATION, metrics.EVIDENCE_COMMIT):
        assert any(
            s.exemplar and s.exemplar.labels["trace_id"] == trace
            for s in samples.values()
            if s.name == f"{name}_bucket"
        )
    requests = {
        (sample.labels["route"], sample.labels["code"]): sample.value
        for sample in samples.values()
        if sample.name == metrics.REQUESTS and sample.value
    }
    assert requests == {("/predict", "200"): 1, ("/predict", "422"): 1, ("unmatched", "404"): 1}
    rejects = [(s.labels["reason"], s.value) for s in samples.values() if s.name == metrics.REJECTS]
    assert rejects == [("schema", 1)]


async def test_failures_to_predict_are_counted_from_zero(service: Service) -> None:
    """The first 503 of a process shows as an increase; objectives would not see it otherwise."""
    lines = (await service.client.get("/metrics")).text.splitlines()
    for route in ("/predict", "/predict/batch"):
        assert f'{metrics.REQUESTS}{{code="503",method="POST",route="{route}"}} 0.0' in lines


async def test_withheld_answers_are_counted_from_zero(service: Service) -> None:
    """Every reason has its series before anything is withheld, so that the first one shows as an increase."""
    lines = (await service.client.get("/metrics")).text.splitlines()
    assert sorted(line for line in lines if line.startswith(metrics.ANSWERS_WITHHELD)) == [
        f'{metrics.ANSWERS_WITHHELD}{{reason="{reason}"}} 0.0' for reason in ("deadline", "failed", "refused")
    ]


async def test_plain_text_metrics_for_old_scrapers(service: Service) -> None:
    """Without asking for OpenMetrics one gets the classic format."""
    response = await service.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert f"# TYPE {metrics.PREDICTIONS} counter" in response.text
