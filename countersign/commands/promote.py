# SPDX-License-Identifier: Apache-2.0
"""``countersign promote ENVIRONMENT``: render, judge and sign a release, and have its folder hold that and no more.

The exit code is the one of `check`; on anything but 0 nothing is written. With ``--check`` nothing is ever written: 0
says that the folder is what its verdict is about and that the verdict holds today, 1 that it is not.
"""

import argparse
import datetime as dt
import os
from pathlib import Path
from typing import Final

from contracts.settings import load_settings
from countersign import __version__
from countersign.gate_arguments import EXIT_FAILED, EXIT_PASSED, UsageMistake, exit_code, guarded, judged_day
from countersign.gate_outputs import print_text
from policies.output.formats import renderer
from policies.promotion.comparison import compare
from policies.promotion.environment import Environment, changes, environment, read_files, replace
from policies.promotion.promotion import Conditions, Promotion, promote
from policies.promotion.release import Release, read_release
from policies.settings import GateSettings
from policies.verdict.signing_keys import key_id, read_private_key, read_public_key
from policies.verdict.verification import refusal

_ROOT: Final = Path("environments")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("environment", metavar="ENVIRONMENT", help="such as staging: environments/staging.yaml")
    parser.add_argument("--key", metavar="PEM", type=Path, help="private key that signs the verdict")
    parser.add_argument("--check", action="store_true", help="write nothing; compare the folder with its verdict")
    parser.add_argument("--environments", metavar="DIR", type=Path, default=_ROOT, help="folder of them (environments)")
    parser.add_argument("--governance", metavar="DIR", help="folder of approvers, approvals and waivers (governance)")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="TOML file of settings, or one with a table [check]"
    )
    parser.add_argument(
        "--as-of", metavar="DATE", type=judged_day, help="the day to judge for, such as 2026-11-23 (today)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Promote or compare; the exit code."""
    return guarded("promote", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if arguments.check == (arguments.key is not None):
        raise UsageMistake("give --key PEM to promote, or --check to compare and sign nothing")
    place = environment(arguments.environments, arguments.environment)
    release = read_release(place.wish)
    return _compare(place, release, arguments) if arguments.check else _promote(place, release, arguments)


def _promote(place: Environment, release: Release, arguments: argparse.Namespace) -> int:
    key = read_private_key(arguments.key)
    if key_id(key.public_key()) != key_id(read_public_key(Path(release.public_key))):
        raise UsageMistake(f"--key {arguments.key} is not the private half of {release.public_key}")
    before = read_files(place.folder)
    done = promote(place, release, before, key, _conditions(release, arguments))
    # What a report of `check` ends with is what to do next, and here it is done.
    text = renderer("text")(done.report)
    print_text(text.rpartition("next: ")[0] if done.report.passed else text)
    if done.files is None:
        print_text(f"NOT PROMOTED: {place.folder} is as it was\n")
        return exit_code(done.report)
    changed = list(changes(before, done.files))
    if changed:
        replace(place, done.files)
    print_text("".join(f"{line}\n" for line in (*changed, _told(place, done))))
    return EXIT_PASSED


def _told(place: Environment, done: Promotion) -> str:
    if done.renewed is None:
        return f"UNCHANGED: {place.folder} is what would be made of it"
    until = "" if done.not_after is None else f", valid until {done.not_after:%Y-%m-%d}"
    return f"PROMOTED: {place.folder} under a new verdict{until}: {done.renewed}"


def _compare(place: Environment, release: Release, arguments: argparse.Namespace) -> int:
    there = read_files(place.folder)
    found = compare(release, there, read_public_key(Path(release.public_key)), _now(arguments))
    print_text("".join(f"{step.line()}\n" for step in found.steps))
    refused = refusal(found.steps)
    for line in found.differences:
        print_text(f"{line}\n")
    if refused is not None:
        print_text(f"REFUSED: {place.folder}: step {refused.number}, {refused.title}: {refused.detail}\n")
    elif found.differences:
        print_text(f"REFUSED: {place.folder} is not what its verdict is about; promote again\n")
    else:
        print_text(f"AS ATTESTED: {place.folder}\n")
    return EXIT_FAILED if refused is not None or found.differences else EXIT_PASSED


def _conditions(release: Release, arguments: argparse.Namespace) -> Conditions:
    flags = {"profile": release.profile, "governance": arguments.governance}
    settings = load_settings(GateSettings, os.environ, arguments.config, flags, "check")
    now = _now(arguments)
    rules = tuple(Path(folder) for folder in settings.rules)
    return Conditions(__version__, Path(settings.governance), rules, now, now.date())


def _now(arguments: argparse.Namespace) -> dt.datetime:
    if arguments.as_of is None:
        return dt.datetime.now(dt.UTC)
    return dt.datetime.combine(arguments.as_of, dt.time(), dt.UTC)
