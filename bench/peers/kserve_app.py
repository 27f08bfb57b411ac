# SPDX-License-Identifier: Apache-2.0
"""KServe's model server over its V1 protocol, one worker, the pipeline in process. It keeps no record."""

import logging
import sys
from typing import Any

from kserve import Model, ModelServer

from bench.peers.pipeline import churn_probabilities, fit


class Churn(Model):
    """``POST /v1/models/churn:predict`` with ``{"instances": [[…], …]}``."""

    def __init__(self) -> None:
        super().__init__("churn")
        self._pipeline = fit()
        self.ready = True

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> dict[str, list[float]]:
        """One probability per row."""
        del headers, response_headers
        return {"predictions": churn_probabilities(self._pipeline, payload["instances"])}


if __name__ == "__main__":
    logging.disable(logging.INFO)
    ModelServer(http_port=int(sys.argv[1]), workers=1, enable_grpc=False).start([Churn()])
