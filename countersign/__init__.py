# SPDX-License-Identifier: Apache-2.0
"""The command line: one command per file, and the only package that may import several programs."""

from typing import Final

__version__: Final = "0.1.0"
