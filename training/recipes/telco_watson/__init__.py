# SPDX-License-Identifier: Apache-2.0
"""A reference model: its recipe, and beside it the texts of its card."""
