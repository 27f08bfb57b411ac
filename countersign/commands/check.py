# SPDX-License-Identifier: Apache-2.0
"""``countersign check``: the gate. 0 passed, 1 policy failed, 2 could not evaluate, 3 waivers invalid, 64 usage."""

import argparse
from pathlib import Path

from countersign.gate_arguments import (
    EXIT_NOT_EVALUATED,
    EXIT_PASSED,
    UsageMistake,
    add_gate_arguments,
    exit_code,
    guarded,
    load_gate_settings,
)
from countersign.gate_outputs import add_output_arguments, print_text, report_on
from policies.runner.pack import load_pack


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_gate_arguments(parser)
    add_output_arguments(parser)
    parser.add_argument("--list", action="store_true", help="name every rule, and what was left out")
    parser.add_argument("--explain", metavar="ID", help="show the page of one rule")


def run(arguments: argparse.Namespace) -> int:
    """Judge, write every output, and give the exit code, which depends on no output."""
    return guarded("check", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if arguments.list or arguments.explain is not None:
        return _show_rules(arguments)
    report, written = report_on(arguments, "check")
    return exit_code(report) if written else EXIT_NOT_EVALUATED


def _show_rules(arguments: argparse.Namespace) -> int:
    from policies.output.catalogue import explanation, listing
    from policies.rules.left_out import LEFT_OUT

    pack = load_pack(Path(folder) for folder in load_gate_settings(arguments).rules)
    if arguments.list:
        print_text(listing(pack.rules, LEFT_OUT))
        return EXIT_PASSED
    wanted = arguments.explain.upper()
    left_out = next((item for item in LEFT_OUT if item.id == wanted), None)
    if left_out is not None:
        print_text(f"{left_out.id}: {left_out.title}\n\nleft out: {left_out.reason}\n")
        return EXIT_PASSED
    module = next((module for module in pack.rules if module.rule.id == wanted), None)
    if module is None:
        raise UsageMistake(f"there is no rule {arguments.explain}; see 'countersign check --list'")
    print_text(explanation(module, pack.law))
    return EXIT_PASSED
