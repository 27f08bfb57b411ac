# SPDX-License-Identifier: Apache-2.0
"""Everything that judges: the product's rules and a team's own, the law they cite, and one digest over all of it.

Every control and duty that a rule cites is looked up before anything is judged. The digest changes with any file that
could change a judgement: rules, law, runner, targets, re-computation. Outputs, verdicts, and what is done with them,
are not part of it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from policies.errors import CannotEvaluate
from policies.law.law import LawPack, load_law
from policies.rules.loader import load_folder, load_product, unique
from policies.rules.rule import RuleModule

ROOT: Final = Path(__file__).parents[1]
_TELLING_ONLY: Final = ("admission", "output", "promotion", "verdict")
_SUFFIXES: Final = frozenset({".py", ".toml"})


class Pack(Struct, frozen=True):
    """Rules in the order in which they are asked, and the law. ``digest`` is lower-case hex."""

    rules: tuple[RuleModule, ...]
    law: LawPack
    digest: str


def load_pack(folders: Iterable[Path] = ()) -> Pack:
    """The product's rules, then those of each folder. Raises CannotEvaluate."""
    own = tuple(folders)
    rules = unique((*load_product(), *(rule for folder in own for rule in load_folder(folder))))
    law = _law(own)
    for module in rules:
        for control in module.rule.controls:
            law.point(control)
        if module.rule.duty is not None:
            law.duty(module.rule.duty)
    return Pack(rules, law, pack_digest(own))


def pack_digest(folders: Iterable[Path] = ()) -> str:
    """SHA-256 over a line ``<path> <SHA-256>`` for each file, sorted."""
    lines = list(_lines(ROOT, "policies"))
    for folder in folders:
        lines += _lines(folder, f"own/{folder.name}")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _law(folders: tuple[Path, ...]) -> LawPack:
    law = load_law()
    for folder in folders:
        if (folder / "law").is_dir():
            law = LawPack((*law.sources, *load_law(folder / "law").sources))
    keys = [source.key for source in law.sources]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise CannotEvaluate(f"two files of law have the key {twice[0]!r}; name your own sources differently")
    return law


def _lines(root: Path, name: str) -> Iterator[str]:
    for file in root.rglob("*"):
        parts = file.relative_to(root).parts
        if file.suffix in _SUFFIXES and parts[0] not in _TELLING_ONLY and file.is_file():
            yield f"{name}/{'/'.join(parts)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n"
