# SPDX-License-Identifier: Apache-2.0
"""When a declared figure is the one that was computed: counts exactly, numbers to what their last digit can say.

A number may be apart by half a unit of the last digit that the card writes, at least 1e-6 and at most 0.005, so that a
figure rounded to two decimals is believed and one rounded to none is not.
"""

import re
from collections.abc import Iterator
from typing import Final

from contracts.model_card_evidence import Metric
from policies.rules.judgement import Finding
from policies.targets.bundle import BundleTarget

LEAST: Final = 1e-6
MOST: Final = 0.005
_NUMBER: Final = re.compile(r"[-+]?(?=[0-9.])[0-9]*\.?([0-9]*)(?:[eE]([-+]?[0-9]+))?")
_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""Where YAML 1.1, which the parser reads, ends a line."""


def tolerance(bundle: BundleTarget, path: tuple[str | int, ...]) -> float:
    """How far the number at this place of the card may be from the one that was computed."""
    line, column = bundle.document.values[path]
    lines = _BREAK.split(bundle.card_bytes.decode())
    written = _NUMBER.match(lines[line - 1], column - 1)
    if written is None:  # written behind a tag: nothing says how far it was rounded
        return LEAST
    exponent = int(written[2] or 0) - len(written[1])
    return min(MOST, max(LEAST, 0.5 * 10.0 ** min(exponent, 0)))


def differences(
    bundle: BundleTarget, path: tuple[str | int, ...], declared: Metric, found: Metric
) -> Iterator[Finding]:
    """Every part of a declared figure that is not the one computed."""
    name = ".".join(map(str, path))
    for part in ("value", "low", "high"):
        said: float | None = getattr(declared, part)
        computed: float = getattr(found, part)
        if said is None:
            yield _finding(bundle, (*path, part), f"{name} has no {part}: the interval is not declared", None, computed)
        elif not abs(said - computed) <= tolerance(bundle, (*path, part)):
            yield _finding(
                bundle, (*path, part), f"{name}.{part} is not what the gate computes", f"{said:.10g}", computed
            )
    if declared.n != found.n:
        seen = None if declared.n is None else str(declared.n)
        yield _finding(bundle, (*path, "n"), f"{name}.n is not the number of rows", seen, found.n or 0)
    if declared.interval != found.interval:
        yield Finding(
            place=bundle.at(*path, "interval"),
            message=f"{name}.interval is not the method by which the bounds come out",
            seen=declared.interval,
            wanted=f"`{found.interval}`",
        )


def _finding(
    bundle: BundleTarget, path: tuple[str | int, ...], message: str, seen: str | None, computed: float
) -> Finding:
    wanted = str(computed) if isinstance(computed, int) else f"{computed:.10g}"
    return Finding(
        place=bundle.at(*path),
        message=message,
        seen=seen,
        wanted=wanted,
        mend=f"write {wanted}, or train again if the model is meant to be another",
    )
