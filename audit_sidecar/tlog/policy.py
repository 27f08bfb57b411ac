# SPDX-License-Identifier: Apache-2.0
"""C2SP tlog-policy: which witnesses there are, where they take checkpoints, and how many of them make a quorum.

Lines: `log <vkey> [url]`, `witness <name> <vkey> [url]`, `group <name> <k|any|all> <members…>`, and exactly one
`quorum <name|none>`. Names are declared before they are used, once. Lines of `#` are comments.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from audit_sidecar.tlog.cosignature import Cosigner, cosigned_times
from audit_sidecar.tlog.errors import BadSignature, Malformed
from audit_sidecar.tlog.keys import Verifier
from audit_sidecar.tlog.strict import read_decimal, read_utf8

NONE: Final = "none"
_MAX_BYTES = 65_536


class Witness(NamedTuple):
    """A witness of the policy; ``url`` is its submission prefix, if the policy names one."""

    name: str
    cosigner: Cosigner
    url: str | None


class Group(NamedTuple):
    """So many of these members have to have cosigned; members are witnesses or groups declared before."""

    least: int
    members: tuple[str, ...]


class Policy(NamedTuple):
    """A policy as read."""

    logs: tuple[Verifier, ...]
    witnesses: tuple[Witness, ...]
    groups: Mapping[str, Group]
    quorum: str

    def satisfied(self, cosigned: Iterable[str]) -> bool:
        """Whether the witnesses of these names make a quorum."""
        return self._holds(self.quorum, frozenset(cosigned))

    def require_quorum(self, note: bytes) -> dict[str, int]:
        """When each witness of the policy cosigned the note, in unix seconds. BadSignature when they make no quorum.

        A line of one of them that does not verify refuses the whole, as a log's own does.
        """
        found = {
            witness.name: time
            for witness in self.witnesses
            for time in cosigned_times(note, (witness.cosigner,)).values()
        }
        if not self.satisfied(found):
            raise BadSignature(
                f"the checkpoint is cosigned by {', '.join(found) or 'no witness of the policy'}, "
                f"which is not the quorum {self.quorum!r}"
            )
        return found

    def _holds(self, name: str, cosigned: frozenset[str]) -> bool:
        if name == NONE:
            return True
        group = self.groups.get(name)
        if group is None:
            return name in cosigned
        return sum(self._holds(member, cosigned) for member in group.members) >= group.least


def read_policy(data: bytes) -> Policy:
    """Read a policy file; `Malformed` names the line."""
    reading = _Reading()
    for number, line in enumerate(read_utf8(data, "the witness policy", _MAX_BYTES).split("\n"), start=1):
        words = line.split(" ")
        if line == "" or line.startswith("#"):
            continue
        try:
            reading.take(words[0], [word for word in words[1:] if word])
        except Malformed as error:
            raise Malformed(f"line {number}: {error}") from None
    return reading.policy()


class _Reading:
    """Collects the lines of one file."""

    def __init__(self) -> None:
        self._logs: list[Verifier] = []
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, Group] = {}
        self._quorum: str | None = None

    def take(self, keyword: str, words: list[str]) -> None:
        """One line."""
        if keyword == "log" and len(words) in (1, 2):
            self._logs.append(Verifier.from_text(words[0]))
        elif keyword == "witness" and len(words) in (2, 3):
            name = self._fresh(words[0])
            self._witnesses[name] = Witness(name, Cosigner.from_text(words[1]), words[2] if words[2:] else None)
        elif keyword == "group" and len(words) >= 3:
            self._group(self._fresh(words[0]), words[1], tuple(words[2:]))
        elif keyword == "quorum" and len(words) == 1:
            self._take_quorum(words[0])
        else:
            raise Malformed(f"no line of a witness policy: {' '.join([keyword, *words])[:80]!r}")

    def policy(self) -> Policy:
        """The whole; `Malformed` without a quorum."""
        if self._quorum is None:
            raise Malformed("the policy has no line 'quorum'; write `quorum none` to ask for no cosignature")
        return Policy(tuple(self._logs), tuple(self._witnesses.values()), dict(self._groups), self._quorum)

    def _group(self, name: str, least: str, members: tuple[str, ...]) -> None:
        unknown = [member for member in members if not self._known(member)]
        if unknown or len(set(members)) != len(members):
            raise Malformed(f"group {name} has a member that is declared nowhere above, or twice: {members}")
        count = {"any": 1, "all": len(members)}.get(least)
        count = read_decimal(least, "the group's number") if count is None else count
        if not 1 <= count <= len(members):
            raise Malformed(f"group {name} asks for {count} of {len(members)} members")
        self._groups[name] = Group(count, members)

    def _take_quorum(self, name: str) -> None:
        if self._quorum is not None:
            raise Malformed("a second line 'quorum'; a policy has one")
        if name != NONE and not self._known(name):
            raise Malformed(f"the quorum {name!r} is declared nowhere above")
        self._quorum = name

    def _fresh(self, name: str) -> str:
        if name == NONE or self._known(name):
            raise Malformed(f"the name {name!r} is taken")
        return name

    def _known(self, name: str) -> bool:
        return name in self._witnesses or name in self._groups
