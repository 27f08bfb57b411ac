# SPDX-License-Identifier: Apache-2.0
"""Ordinary telemetry: OpenTelemetry's own SDK, sampled and lossy. Evidence neither passes through it nor knows it."""
