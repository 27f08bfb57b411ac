# SPDX-License-Identifier: Apache-2.0
"""Whether a verdict that is there says what a new one would, so that promoting twice changes nothing.

It is renewed when anything that it says has changed (subjects, rules, law, profile, results, waivers, notices), when it
would now end earlier, and when less than a third of its days is left and a new one would last longer.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Final

from msgspec.structs import asdict

from contracts.errors import CountersignError
from policies.verdict.dsse import verify
from policies.verdict.signing_keys import PublicKey, key_id
from policies.verdict.statement import Summary, VerdictStatement, decode
from policies.verdict.verdicts import SignedVerdict, Terms

_OF_THE_DAY: Final = ("time_verified", "not_after", "as_of", "input_attestations")


def why_renewed(old: Mapping[str, bytes], new: SignedVerdict, key: PublicKey, terms: Terms) -> str | None:
    """Why the new verdict takes the place of the old, by the names of their files; None where it does not have to."""
    if not old:
        return "there was none"
    try:
        there, said = (_opened(old[f"{new.stem}.{kind}.intoto.jsonl"], key) for kind in ("vsa", "test-result"))
        summary, subjects = _read(there)
    except KeyError:
        return "it is another bundle's"
    except CountersignError as error:
        return f"the one that was there cannot be used: {error}"
    made, named = _read(_opened(new.verdict, key))
    if subjects != named:
        return "it is about something else now"
    if said != _opened(new.test_result, key) or _lasting(summary) != _lasting(made):
        return "it says something else now"
    if made.not_after < summary.not_after:
        return "it ends earlier now"
    left = summary.not_after - terms.signed
    if made.not_after > summary.not_after and left < dt.timedelta(days=terms.valid_days) / 3:
        return f"only {max(left.days, 0)} of its days were left"
    return None


def _opened(envelope: bytes, key: PublicKey) -> bytes:
    return verify(envelope, {key_id(key): key}).payload


def _read(payload: bytes) -> tuple[Summary, object]:
    statement = decode(payload, VerdictStatement)
    return statement.predicate, statement.subject


def _lasting(summary: Summary) -> object:
    """All that does not change from day to day; of what it rests on, not the companion, which is compared by itself."""
    said = {name: value for name, value in asdict(summary).items() if name not in _OF_THE_DAY}
    return said, summary.input_attestations[1:]
