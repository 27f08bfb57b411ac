# SPDX-License-Identifier: Apache-2.0
"""Evaluating the rules over the targets that were named."""
