# SPDX-License-Identifier: Apache-2.0
"""Apply waivers to the cases of a run: the one place where an accepted deviation changes an outcome.

A waiver covers the findings of its rule on its subject from the day it was created to the day it expires, both
inclusive. One that has expired covers nothing, so its finding is back; one that covers nothing is reported as unused.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from msgspec.structs import replace

from policies.governance.governance import Waiver
from policies.report import Case, State, WaiverUse


def apply_waivers(
    cases: Sequence[Case], waivers: Sequence[Waiver], subjects: Mapping[str, frozenset[str]], as_of: date
) -> tuple[tuple[Case, ...], tuple[WaiverUse, ...]]:
    """The cases with what is waived, and what became of each waiver.

    ``subjects`` gives, for the name of each target, everything that a waiver may call it by.
    """
    done = list(cases)
    uses = []
    for waiver in waivers:
        matching = [
            index
            for index, case in enumerate(done)
            if case.rule.id == waiver.rule and waiver.subject in subjects.get(case.target, frozenset())
        ]
        failing = [index for index in matching if done[index].state is State.FAIL]
        state = _state(waiver, as_of, matching=bool(matching), failing=bool(failing))
        if state == "used":
            for index in failing:
                done[index] = replace(done[index], state=State.WAIVED, blocking=False, waiver=waiver.id)
        uses.append(
            WaiverUse(
                id=waiver.id,
                rule=waiver.rule,
                state=state,
                expires=waiver.expires,
                reason=waiver.reason,
                place=waiver.place,
            )
        )
    return tuple(done), tuple(uses)


def _state(waiver: Waiver, as_of: date, *, matching: bool, failing: bool) -> str:
    if not matching:
        return "not for this target"
    if as_of > waiver.expires:
        return "expired"
    if as_of < waiver.created:
        return "not yet in force"
    return "used" if failing else "unused"
