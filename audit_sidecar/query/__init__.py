# SPDX-License-Identifier: Apache-2.0
"""Evidence is found, shown and proved."""
