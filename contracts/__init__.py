# SPDX-License-Identifier: Apache-2.0
"""What all programs agree on: names, formats, ids, settings and errors."""
