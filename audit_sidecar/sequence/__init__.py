# SPDX-License-Identifier: Apache-2.0
"""Spans get their place in the log: streams, duplicates, gaps, group commit."""
