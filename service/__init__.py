# SPDX-License-Identifier: Apache-2.0
"""The inference service: it answers a prediction only after the evidence of it is durable."""
