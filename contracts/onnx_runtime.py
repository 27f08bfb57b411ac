# SPDX-License-Identifier: Apache-2.0
"""onnxruntime, without the telemetry that it brings on Linux from 1.32 on.

As it is imported it makes a device id and a database of events under the home folder, to be sent to its maker. Only
``ORT_DISABLE_TELEMETRY``, set before that, keeps it from doing so: ``disable_telemetry_events()`` comes too late. What
answers requests under evidence tells nobody else about it.
"""

import os
from importlib import import_module
from typing import Any


def onnx_runtime() -> Any:
    """``onnxruntime``, which nothing else of ours imports; whatever the environment says, it sends nothing."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return import_module("onnxruntime")
