# SPDX-License-Identifier: Apache-2.0
"""Quantities as Kubernetes writes them: ``500m``, ``64Mi``, ``1e3``. Source: its API reference, "Quantity"."""

import re
from decimal import Decimal
from typing import Any, Final

_FORM: Final = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<unit>[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d{1,2})?")
_UNITS: Final = {
    "": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": Decimal("1e3"),
    "M": Decimal("1e6"), "G": Decimal("1e9"), "T": Decimal("1e12"), "P": Decimal("1e15"), "E": Decimal("1e18"),
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}  # fmt: skip


def quantity(value: Any) -> Decimal | None:
    """The amount in cores, bytes or whatever is counted; None for what is no positive quantity."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _FORM.fullmatch(str(value))
    if match is None:
        return None
    unit = match["unit"] or ""
    factor = _UNITS.get(unit) or Decimal(f"1{unit}")
    amount = Decimal(match["number"]) * factor
    return amount if amount > 0 else None
