# SPDX-License-Identifier: Apache-2.0
"""Read each target that was named, once. One that cannot be read stays in the report as such, and stops the run's pass.

Whatever a reader raises becomes an `Unreadable` with the place and one line: a stranger's file never ends in a
traceback, and never in silence.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from policies.errors import TargetUnreadable
from policies.place import Place
from policies.report import Covered, Unreadable
from policies.rules.kubernetes.image_digest import image_subjects
from policies.rules.rule import TargetKind
from policies.runner.request import Request
from policies.targets.bundle import BundleTarget, read_bundle

_T = TypeVar("_T")


class Targets(NamedTuple):
    """What could be read, by kind, and what could not."""

    bundles: tuple[BundleTarget, ...]
    others: dict[TargetKind, Any]
    unreadable: tuple[Unreadable, ...]

    def covered(self) -> tuple[Covered, ...]:
        """Every target that was read, with the digests of its parts."""
        bundles = [Covered(kind="bundle", name=bundle.name, digests=bundle_digests(bundle)) for bundle in self.bundles]
        others = [
            Covered(kind=kind, name=target.name, digests=_digests(kind, target)) for kind, target in self.others.items()
        ]
        return (*bundles, *others)


def bundle_digests(bundle: BundleTarget) -> dict[str, str]:
    """SHA-256 of the card and of every file that it names, by path in the bundle."""
    return {"card.yaml": bundle.card_digest, **{file: bundle.digest(file) for file in bundle.files}}


def _digests(kind: TargetKind, target: Any) -> dict[str, str]:
    """A target's own digest, and those of the images that manifests run."""
    own: dict[str, str] = {kind: target.digest} if hasattr(target, "digest") else {}
    return {**own, **image_subjects(target)} if kind == "manifests" else own


def read_targets(request: Request) -> Targets:
    """Read everything that was named."""
    bundles: list[BundleTarget] = []
    others: dict[TargetKind, Any] = {}
    unreadable: list[Unreadable] = []
    for name in dict.fromkeys(str(Path(folder)) for folder in request.bundles):
        found = attempt("bundle", name, lambda name=name: read_bundle(name))  # type: ignore[misc]
        if isinstance(found, Unreadable):
            unreadable.append(found)
        else:
            bundles.append(found)
    for kind, name in request.named.items():
        read = attempt(kind, name, lambda kind=kind, name=name: _reader(kind)(name))  # type: ignore[misc]
        if isinstance(read, Unreadable):
            unreadable.append(read)
        else:
            others[kind] = read
    return Targets(tuple(bundles), others, tuple(unreadable))


def attempt(kind: TargetKind, name: str, read: Callable[[], _T]) -> _T | Unreadable:
    """What a reader gives, or why it gave nothing."""
    try:
        return read()
    except TargetUnreadable as error:
        return Unreadable(kind=kind, name=name, place=error.place, message=error.message)
    except (Exception, SystemExit) as error:  # a reader's own mistake ends as "could not evaluate", not as a crash
        return Unreadable(kind=kind, name=name, place=Place(name), message=one_line(error))


def one_line(error: BaseException) -> str:
    """An exception as one line: our own by its message, any other by type and message."""
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is missing; install it (what the gate itself needs comes with the extra gate)"
    text = " ".join(str(error).split())
    ours = type(error).__module__.partition(".")[0] in ("contracts", "policies")
    return text if ours and text else f"{type(error).__name__}: {text}".rstrip(": ")


def _reader(kind: TargetKind) -> Callable[[str], Any]:
    # Imported by kind: a run pays for the readers of what was named alone.
    reader: Callable[[str], Any] = getattr(import_module(f"policies.targets.{kind}"), f"read_{kind}")
    return reader
