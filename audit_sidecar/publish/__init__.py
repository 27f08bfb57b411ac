# SPDX-License-Identifier: Apache-2.0
"""Checkpoints go out: signed, persisted, then shown; the log as C2SP files."""
