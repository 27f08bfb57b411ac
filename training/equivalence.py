# SPDX-License-Identifier: Apache-2.0
"""Run an artifact as the service runs it, and measure how far it is from the pipeline that it was made of."""

from typing import Any

import numpy as np

from contracts.model_card_evidence import Equivalence
from contracts.onnx_runtime import onnx_runtime
from training.errors import TrainingRefused
from training.onnx_export import MATRIX_INPUT, OUTPUT
from training.rows import Floats, Rows


def probabilities(artifact: bytes, rows: Rows) -> Floats:
    """Give float64 [rows, labels] from the artifact alone."""
    onnxruntime = onnx_runtime()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
    if rows.numeric:
        feed: dict[str, Any] = {MATRIX_INPUT: rows.matrix()}
    else:
        feed = {f.name: column.reshape(-1, 1) for f, column in zip(rows.features, rows.columns, strict=True)}
    return np.asarray(session.run([OUTPUT], feed)[0], dtype=np.float64)


def equivalence(fitted: Any, artifact: bytes, rows: Rows, tolerance: float) -> Equivalence:
    """Compare every probability of every row. Raises TrainingRefused beyond the tolerance."""
    difference = np.abs(probabilities(artifact, rows) - fitted.predict_proba(rows.matrix()))
    found = float(difference.max())
    if not found <= tolerance:
        row = int(difference.max(axis=1).argmax())
        raise TrainingRefused(
            f"the ONNX model differs from the scikit-learn pipeline by {found:.3g} in evaluation row {row}, more than "
            f"the tolerance {tolerance:.3g}; use steps that convert exactly, or state a larger training.tolerance"
        )
    return Equivalence(reference="scikit-learn", rows=len(rows), max_difference=found, tolerance=tolerance)
