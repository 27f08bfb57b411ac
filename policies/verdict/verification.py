# SPDX-License-Identifier: Apache-2.0
"""Verify a verdict in numbered steps, in the order that the VSA specification gives its consumers.

A verified verdict shows that the holder of a trusted key signed, and that at that time the gate passed exactly these
digests. It does not show that a figure is true in the world, nor that the law is kept. What the caller did not show or
ask for is said so; at least one subject has to be shown, because a verdict about nothing would admit everything.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from contracts.errors import ContractError, CountersignError
from contracts.verification_step import Outcome, Step
from policies.verdict.dsse import EnvelopeRefused, EnvelopeUnreadable, verify
from policies.verdict.signing_keys import PublicKey
from policies.verdict.statement import VERIFIER, Summary, VerdictStatement, decode, decode_any


class VerdictUnreadable(CountersignError):
    """A file that holds no verdict."""


class Wanted(NamedTuple):
    """What the caller has in hand and insists on; ``subjects`` maps names to SHA-256 and is never empty."""

    subjects: Mapping[str, str]
    now: dt.datetime
    resource_uri: str | None = None
    policy_digest: str | None = None
    levels: tuple[str, ...] = ()
    verifier: str = VERIFIER


class _Refused(Exception):
    """Ends a step."""


class _NotShown(Exception):
    """Ends a step that nobody asked for."""


class _Case(NamedTuple):
    payload: bytes
    wanted: Wanted

    @property
    def summary(self) -> Summary:
        """The predicate; only a step after the one that checked its type asks for it."""
        return decode(self.payload, VerdictStatement).predicate


def verify_verdict(envelope: bytes, keys: Mapping[str, PublicKey], wanted: Wanted) -> list[Step]:
    """The steps; the first that is refused is the last. Raises VerdictUnreadable for what is no envelope."""
    if not wanted.subjects:
        raise VerdictUnreadable("no subject was shown: name what the verdict is to be about")
    try:
        opened = verify(envelope, keys)
    except EnvelopeUnreadable as error:
        raise VerdictUnreadable(f"the verdict {error}") from None
    except EnvelopeRefused as error:
        return [Step(1, "signature", Outcome.REFUSED, str(error))]
    steps = [Step(1, "signature", Outcome.VERIFIED, f"by the key {', '.join(opened.key_ids)}")]
    case = _Case(opened.payload, wanted)
    for title, check in _CHECKS:
        steps.append(_take(len(steps) + 1, title, check, case))
        if steps[-1].outcome is Outcome.REFUSED:
            break
    return steps


def refusal(steps: list[Step]) -> Step | None:
    """The step that was refused, if one was."""
    return next((step for step in steps if step.outcome is Outcome.REFUSED), None)


def _take(number: int, title: str, check: Callable[[_Case], str], case: _Case) -> Step:
    try:
        return Step(number, title, Outcome.VERIFIED, check(case))
    except (_Refused, ContractError) as error:
        return Step(number, title, Outcome.REFUSED, str(error))
    except _NotShown as error:
        return Step(number, title, Outcome.NOT_SHOWN, str(error))


def _subjects(case: _Case) -> str:
    """Every shown subject is one of the verdict's, by name and digest; a name may leave out leading folders."""
    subjects = decode_any(case.payload).subject
    said = {subject.name: subject.digest["sha256"] for subject in subjects}
    if len(said) != len(subjects):
        raise _Refused("a subject is named twice")
    for name, digest in case.wanted.subjects.items():
        named = [found for full, found in said.items() if full == name or full.endswith(f"/{name}")]
        if not named:
            raise _Refused(f"the verdict is not about {name}; its subjects are {', '.join(sorted(said))}")
        if any(found != digest for found in named):
            raise _Refused(f"the verdict is about {name} with SHA-256 {named[0]}, not {digest}")
    left = len(said) - len(case.wanted.subjects)
    return f"{len(case.wanted.subjects)} shown" + (f", {left} more in the verdict were not" if left > 0 else "")


def _predicate(case: _Case) -> str:
    return decode(case.payload, VerdictStatement).predicate_type


def _verifier(case: _Case) -> str:
    found = case.summary.verifier
    if found.id != case.wanted.verifier:
        raise _Refused(f"the verifier is {found.id}, and this key is trusted for {case.wanted.verifier}")
    return ", ".join([found.id, *(f"{name} {version}" for name, version in found.version.items())])


def _resource(case: _Case) -> str:
    found = case.summary.resource_uri
    if case.wanted.resource_uri is None:
        raise _NotShown(f"{found} (not asked for)")
    if found != case.wanted.resource_uri:
        raise _Refused(f"the verdict is for {found}, not for {case.wanted.resource_uri}")
    return found


def _result(case: _Case) -> str:
    summary = case.summary
    if summary.verification_result != "PASSED":
        raise _Refused(f"the gate did not pass it: {summary.outcome}, profile {summary.profile}, as of {summary.as_of}")
    return f"PASSED, profile {summary.profile}, as of {summary.as_of}"


def _levels(case: _Case) -> str:
    found = case.summary.verified_levels
    missing = [level for level in case.wanted.levels if level not in found]
    if missing:
        raise _Refused(f"the verdict does not reach {', '.join(missing)}; it reaches {', '.join(found) or 'none'}")
    if not case.wanted.levels:
        raise _NotShown(f"{', '.join(found)} (none asked for)")
    return ", ".join(case.wanted.levels)


def _policy(case: _Case) -> str:
    policy = case.summary.policy
    digest = policy.digest.get("sha256")
    if case.wanted.policy_digest is None:
        raise _NotShown(f"{policy.uri} sha256 {digest} (not asked for)")
    if digest != case.wanted.policy_digest:
        raise _Refused(f"rules and law have SHA-256 {digest}, not {case.wanted.policy_digest}")
    return f"{policy.uri} sha256 {digest}"


def _time(case: _Case) -> str:
    summary = case.summary
    if case.wanted.now >= summary.not_after:
        raise _Refused(f"it expired at {summary.not_after.isoformat()}; judge and sign again")
    if case.wanted.now.date() < summary.as_of:
        raise _Refused(f"it judges for {summary.as_of}, which has not come yet; judge for today and sign again")
    used = [f"{waiver.id} for {waiver.rule} until {waiver.expires}" for waiver in summary.waivers]
    return f"valid until {summary.not_after.isoformat()}; waivers used: {', '.join(used) or 'none'}"


_CHECKS: Final[tuple[tuple[str, Callable[[_Case], str]], ...]] = (
    ("subjects", _subjects),
    ("predicate", _predicate),
    ("verifier", _verifier),
    ("resource", _resource),
    ("result", _result),
    ("levels", _levels),
    ("policy", _policy),
    ("validity", _time),
)
