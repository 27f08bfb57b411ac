# SPDX-License-Identifier: Apache-2.0
"""What `check` and `attest` have in common: the arguments that say what is judged, the run, and its exit code.

The exit code depends on the report alone: 0 passed, 1 a policy failed, 2 something could not be evaluated, 3 the waiver
file is invalid, 64 the command was not understood. Nothing that goes wrong here ends in 0.
"""

import argparse
import datetime as dt
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, get_args

from contracts.bundle import CARD_FILE
from contracts.errors import CountersignError
from contracts.image import Image, parse_image
from contracts.settings import load_settings
from countersign import __version__
from policies.errors import CannotEvaluate, WaiversInvalid
from policies.profiles import PROFILES
from policies.report import Report
from policies.rules.rule import TargetKind
from policies.runner.gate import run_gate
from policies.runner.reading import one_line
from policies.runner.request import Request
from policies.settings import GateSettings

EXIT_PASSED: Final = 0
EXIT_FAILED: Final = 1
EXIT_NOT_EVALUATED: Final = 2
EXIT_WAIVERS: Final = 3
EXIT_USAGE: Final = 64

MODELS: Final = Path("models")
_PLACES: Final[dict[str, str | None]] = {
    "manifests": None, "argocd": None, "infra": "infra_pulumi", "repository": ".",
}  # fmt: skip
"""Kinds that ``--target`` takes, and what is meant where no folder is given."""


_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 2999
"""Beyond these days cannot be counted back and forth from the day that is judged for."""


class UsageMistake(CountersignError):
    """A command line or a settings file that asks for something that is not there."""


def add_gate_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is judged, and how strictly."""
    parser.add_argument("bundles", metavar="BUNDLE", nargs="*", help="models/<id>/<version>; all below models/ if none")
    parser.add_argument(
        "--target",
        metavar="KIND[=DIR]",
        type=_target,
        action="append",
        default=[],
        help="also manifests=DIR, argocd=DIR, infra, repository; may be repeated",
    )
    parser.add_argument(
        "--image",
        metavar="NAME@DIGEST",
        type=released_image,
        action="append",
        default=[],
        help="an image that was released, registry/name@sha256:…; may be repeated; manifests may then run no other",
    )
    parser.add_argument("--profile", choices=sorted(PROFILES), help="which severities block (prod)")
    parser.add_argument(
        "--as-of", metavar="DATE", type=judged_day, help="the day to judge for, such as 2026-11-23 (today)"
    )
    parser.add_argument("--governance", metavar="DIR", help="folder of approvers, approvals and waivers (governance)")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="TOML file of settings, or one with a table [check]"
    )
    parser.add_argument(
        "--no-recomputation", action="store_true", help="do not compute figures again; profile dev only"
    )


def load_gate_settings(arguments: argparse.Namespace) -> GateSettings:
    """The settings as the file, the environment and the command line give them. Raises SettingInvalid."""
    flags = {"profile": arguments.profile, "governance": arguments.governance}
    settings = load_settings(GateSettings, os.environ, arguments.config, flags, "check")
    if settings.profile not in PROFILES:
        raise UsageMistake(f"there is no profile {settings.profile!r}; choose one of {', '.join(sorted(PROFILES))}")
    return settings


def evaluate(arguments: argparse.Namespace) -> Report:
    """Judge what the arguments name. Raises CannotEvaluate, WaiversInvalid, SettingInvalid or UsageMistake."""
    settings = load_gate_settings(arguments)
    profile = PROFILES[settings.profile]
    if arguments.no_recomputation and not profile.may_skip_recomputation:
        raise UsageMistake(f"--no-recomputation is for profile dev; profile {profile.name} computes every figure again")
    report = run_gate(
        Request(
            version=__version__,
            profile=profile,
            as_of=arguments.as_of or dt.datetime.now(dt.UTC).date(),
            bundles=tuple(arguments.bundles) or _found(arguments.target),
            named=_named(arguments.target),
            images=tuple(arguments.image),
            governance=_governance(settings, arguments),
            rule_folders=tuple(Path(folder) for folder in settings.rules),
            recompute=not arguments.no_recomputation,
        )
    )
    for use in report.waivers:
        if use.state == "expired":
            print(f"waiver {use.id} of {use.rule} expired on {use.expires}", file=sys.stderr)
    return report


def released_image(text: str) -> Image:
    """An image on a command line."""
    image = parse_image(text)
    if image is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not registry/name@sha256: and 64 lower-case hex digits")
    return image


def exit_code(report: Report) -> int:
    """0 if everything that was named was judged and nothing blocks, 2 if it was not judged, else 1."""
    if not report.complete:
        return EXIT_NOT_EVALUATED
    return EXIT_PASSED if report.passed else EXIT_FAILED


def guarded(command: str, body: Callable[[], int]) -> int:
    """Run the body of a command of the gate: whatever it raises becomes one line on stderr and an exit code."""
    codes = {UsageMistake: EXIT_USAGE, WaiversInvalid: EXIT_WAIVERS}
    try:
        return body()
    except CountersignError as error:
        print(f"countersign {command}: {error}", file=sys.stderr)
        return codes.get(type(error), EXIT_NOT_EVALUATED)
    except ModuleNotFoundError as error:
        print(f"countersign {command}: {one_line(error)}", file=sys.stderr)
        return EXIT_NOT_EVALUATED
    except (Exception, SystemExit) as error:  # exit code 1, Python's own, would say that a policy failed
        print(f"countersign {command}: a mistake in Countersign, please report it: {one_line(error)}", file=sys.stderr)
        return EXIT_NOT_EVALUATED


def _found(targets: list[tuple[TargetKind, str]]) -> tuple[str, ...]:
    """Every bundle below `MODELS`, whatever its place; none is a mistake unless another target was named."""
    versions = {path for path in MODELS.glob("[!.]*/[!.]*") if path.is_dir() or path.is_symlink()}
    broken = {path for path in MODELS.glob("[!.]*") if path.is_symlink() and not path.exists()}
    # A card where no bundle has its place is judged, too: what was left out would look like what passed.
    cards = {
        file.parent for pattern in (CARD_FILE, f"*/{CARD_FILE}", f"**/{CARD_FILE}") for file in MODELS.glob(pattern)
    }
    shown = {path for path in cards if not any(part.startswith(".") for part in path.parts)}
    folders = sorted(map(str, versions | broken | shown))
    if not folders and not targets:
        raise CannotEvaluate(f"no bundle: there is no folder {MODELS}/<id>/<version> here; name one")
    return tuple(folders)


def _named(targets: list[tuple[TargetKind, str]]) -> dict[TargetKind, str]:
    named = dict(targets)
    if len(named) != len(targets):
        kinds = [kind for kind, _ in targets]
        twice = next(kind for kind in kinds if kinds.count(kind) > 1)
        raise UsageMistake(f"--target {twice} is given twice; a run judges one of each kind")
    return named


def _governance(settings: GateSettings, arguments: argparse.Namespace) -> Path:
    folder = Path(settings.governance)
    asked = arguments.governance is not None or settings.governance != GateSettings().governance
    if asked and not folder.is_dir():
        raise CannotEvaluate(f"there is no governance folder {folder}; mend its name, or leave the setting out")
    return folder


def _target(text: str) -> tuple[TargetKind, str]:
    name, _, given = text.partition("=")
    place = given or _PLACES.get(name)
    for kind in get_args(TargetKind):
        if kind == name and name in _PLACES and place:
            return kind, place
    hint = "; name its folder" if name in _PLACES else ""
    raise argparse.ArgumentTypeError(f"{text!r} is not manifests=DIR, argocd=DIR, infra or repository{hint}")


def judged_day(text: str) -> dt.date:
    """A day on a command line."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-11-23") from None
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise argparse.ArgumentTypeError(f"{text!r} is no day to judge for; write a year from 2000 to 2999")
    return day
