# SPDX-License-Identifier: Apache-2.0
"""The cases every churn service of this kind is expected to pass, against the reference bundle.

Those of the audit log run against a real sidecar in tests/end_to_end.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.fake_sidecar import FakeSidecar
from tests.service.running import Service, running

BUNDLE = Path(__file__).resolve().parents[2] / "models" / "telecom-churn" / "1.0.0"
CUSTOMER: dict[str, Any] = {
    "customer_id": "CUST-001",
    "tenure_months": 12,
    "monthly_charges": 79.5,
    "total_charges": 954.0,
    "num_complaints": 2,
}
LEAVES = CUSTOMER | {"tenure_months": 1, "monthly_charges": 120.0, "total_charges": 120.0, "num_complaints": 5}
STAYS = CUSTOMER | {"tenure_months": 60, "monthly_charges": 45.0, "total_charges": 2700.0, "num_complaints": 0}


@pytest.fixture
async def reference(sidecar: FakeSidecar, tmp_path: Path) -> AsyncIterator[Service]:
    async with running(BUNDLE, sidecar, keys=tmp_path) as found:
        yield found


async def test_healthz_is_200_and_ok(reference: Service) -> None:
    """Health: status and version."""
    response = await reference.client.get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "model_version": "1.0.0"}


async def test_ready_is_200_and_ready(reference: Service) -> None:
    """Readiness: status and model."""
    response = await reference.client.get("/ready")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "model_id": "telecom-churn"}


async def test_predict_is_200(reference: Service) -> None:
    """A valid request is answered."""
    assert (await reference.client.post("/predict", json=CUSTOMER)).status_code == 200


@pytest.mark.parametrize(
    "member", ["customer_id", "churn_probability", "prediction", "model_version", "request_id", "timestamp"]
)
async def test_predict_answers_with(reference: Service, member: str) -> None:
    """Each member that callers rely on."""
    answer = (await reference.client.post("/predict", json=CUSTOMER)).json()
    assert answer[member]
    assert answer["customer_id"] == "CUST-001"
    assert answer["model_version"] == "1.0.0"


async def test_probability_lies_between_0_and_1_with_four_decimals(reference: Service) -> None:
    """The score is a probability."""
    score = (await reference.client.post("/predict", json=CUSTOMER)).json()["churn_probability"]
    assert 0 <= score <= 1
    assert round(score, 4) == score


async def test_missing_field_is_422(reference: Service) -> None:
    """A request without complaints is refused."""
    body = {name: value for name, value in CUSTOMER.items() if name != "num_complaints"}
    assert (await reference.client.post("/predict", json=body)).status_code == 422


async def test_new_customer_with_complaints_churns(reference: Service) -> None:
    """Tenure 1, five complaints."""
    assert (await reference.client.post("/predict", json=LEAVES)).json()["prediction"] == "churn"


async def test_old_customer_without_complaints_stays(reference: Service) -> None:
    """Tenure 60, none."""
    assert (await reference.client.post("/predict", json=STAYS)).json()["prediction"] == "retain"


@pytest.mark.parametrize("member", ["version", "metrics", "fairness", "governance_tier"])
async def test_model_card_has(reference: Service, member: str) -> None:
    """The governance endpoint gives the card."""
    response = await reference.client.get("/governance/model-card")
    assert response.status_code == 200
    assert response.json()[member]


async def test_reference_bundle_gives_exact_reasons(reference: Service) -> None:
    """A linear model explains itself."""
    reasons = (await reference.client.post("/predict", json=LEAVES)).json()["reasons"]
    assert reasons[0]["feature"] == "num_complaints"
    assert {reason["feature"] for reason in reasons} == set(CUSTOMER) - {"customer_id"}
