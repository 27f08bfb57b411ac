# SPDX-License-Identifier: Apache-2.0
"""OTLP comes in: transports and media types, who is a producer, how much is accepted at once."""
