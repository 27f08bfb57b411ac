# SPDX-License-Identifier: Apache-2.0
"""The application that the product starts from, written anew: FastAPI, plain ``def`` handlers, a list as audit log.

It keeps nothing durably. Its log is emptied at a million entries, lest a long run measure the machine's memory.
"""

import sys
import uuid
from datetime import UTC, datetime
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from bench.peers.pipeline import FEATURES, churn_probabilities, fit

MODEL_VERSION = "1.0.0"
_MOST_ENTRIES = 1_000_000


class PredictRequest(BaseModel):
    """One account."""

    customer_id: str
    tenure_months: float
    monthly_charges: float
    total_charges: float
    num_complaints: int


class PredictAnswer(BaseModel):
    """What the model says of it."""

    customer_id: str
    churn_probability: float
    prediction: str
    model_version: str
    request_id: str
    timestamp: str


def build() -> FastAPI:
    """The application."""
    app = FastAPI()
    pipeline = fit()
    audit_log: list[dict[str, Any]] = []

    @app.post("/predict", response_model=PredictAnswer)
    def predict(request: PredictRequest) -> PredictAnswer:
        features = {name: getattr(request, name) for name in FEATURES}
        (probability,) = churn_probabilities(pipeline, [list(features.values())])
        answer = PredictAnswer(
            customer_id=request.customer_id,
            churn_probability=round(probability, 4),
            prediction="churn" if probability >= 0.5 else "retain",
            model_version=MODEL_VERSION,
            request_id=str(uuid.uuid4()),
            timestamp=datetime.now(UTC).isoformat(),
        )
        if len(audit_log) >= _MOST_ENTRIES:
            audit_log.clear()
        audit_log.append({**answer.model_dump(), "features": features})
        return answer

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok", "model_version": MODEL_VERSION}

    return app


if __name__ == "__main__":
    uvicorn.run(build(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
