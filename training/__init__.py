# SPDX-License-Identifier: Apache-2.0
"""From data to a released bundle: fit, export to ONNX, measure, and write the card. Nothing here runs in service."""
