# SPDX-License-Identifier: Apache-2.0
"""What a text on a card says, whatever its dress."""

import re
import unicodedata


def plain(text: str) -> str:
    """Give the words of a text, lower case, with one space between: texts that differ in dress alone become equal."""
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()))
