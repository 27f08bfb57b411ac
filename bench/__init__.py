# SPDX-License-Identifier: Apache-2.0
"""Benchmarks: the stack and its peers side by side, in one run on one machine. Not part of what is installed."""
