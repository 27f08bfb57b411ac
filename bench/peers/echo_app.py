# SPDX-License-Identifier: Apache-2.0
"""A bare Litestar echo: the Structs of the reference model in and out, no model, no evidence. The framework's floor."""

import gc
import sys

import msgspec
import uvicorn
from litestar import Litestar, get, post


class PredictRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One account, as the service takes it."""

    customer_id: str
    tenure_months: float
    monthly_charges: float
    total_charges: float
    num_complaints: int


class Proof(msgspec.Struct, frozen=True):
    """Where the record of an answer would stand."""

    log: str
    index: int
    leaf_hash: str


class Reason(msgspec.Struct, frozen=True):
    """What one feature would have added."""

    feature: str
    contribution: float


class PredictAnswer(msgspec.Struct, frozen=True):
    """An answer of the service's shape."""

    customer_id: str
    churn_probability: float
    prediction: str
    model_version: str
    request_id: str
    timestamp: str
    reasons: list[Reason]
    evidence: Proof


_PROOF = Proof("countersign.local/echo", 1, "00" * 32)


@post("/predict", status_code=200)
async def predict(data: PredictRequest) -> PredictAnswer:
    """Give back what came, in the shape of an answer."""
    reasons = [
        Reason("num_complaints", float(data.num_complaints)),
        Reason("tenure_months", data.tenure_months),
        Reason("monthly_charges", data.monthly_charges),
    ]
    return PredictAnswer(
        data.customer_id, 0.5, "churn", "1.0.0", "01890a5d-ac96-774b-bcce-b302099a8057",
        "2026-01-01T00:00:00.000000000Z", reasons, _PROOF,
    )  # fmt: skip


@get("/healthz")
async def healthz() -> dict[str, str]:
    """Ready."""
    return {"status": "ok"}


if __name__ == "__main__":
    app = Litestar(route_handlers=[predict, healthz], openapi_config=None, logging_config=None, debug=False)
    # As the service runs: the same server with the same settings, and the collector out of the way.
    config = uvicorn.Config(
        app, host="127.0.0.1", port=int(sys.argv[1]), http="httptools", loop="uvloop", ws="none", lifespan="off",
        log_level="critical", access_log=False, server_header=False, date_header=False, proxy_headers=False,
        timeout_keep_alive=75,
    )  # fmt: skip
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    uvicorn.Server(config).run()
