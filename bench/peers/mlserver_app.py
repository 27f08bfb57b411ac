# SPDX-License-Identifier: Apache-2.0
"""MLServer over the Open Inference Protocol, the pipeline in the serving process. It keeps no record."""

import asyncio
import logging
import sys
from typing import Any

from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from bench.peers.pipeline import FEATURES, churn_probabilities, fit


class Churn(MLModel):
    """``POST /v2/models/churn/infer`` with one input of shape [rows, features]."""

    async def load(self) -> bool:
        """Fit the pipeline."""
        self._pipeline = fit()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """One probability per row."""
        values: Any = payload.inputs[0].data.root
        width = len(FEATURES)
        rows = [values[at : at + width] for at in range(0, len(values), width)]
        found = churn_probabilities(self._pipeline, rows)
        output = ResponseOutput(name="churn", shape=[len(found)], datatype="FP64", data=found)
        return InferenceResponse(model_name=self.name, outputs=[output])


async def _serve(port: int) -> None:
    settings = Settings(
        host="127.0.0.1", http_port=port, grpc_port=port + 1, metrics_port=port + 2, parallel_workers=0, debug=False
    )
    server = MLServer(settings)
    await server.start([ModelSettings(name="churn", implementation="bench.peers.mlserver_app.Churn")])


if __name__ == "__main__":
    logging.disable(logging.INFO)
    asyncio.run(_serve(int(sys.argv[1])))
