# SPDX-License-Identifier: Apache-2.0
"""``countersign check``: the gate. 0 passed, 1 policy failed, 2 could not evaluate, 3 waivers invalid, 64 usage."""

import argparse
import os
import sys
from pathlib import Path

from countersign.gate_arguments import (
    EXIT_NOT_EVALUATED,
    EXIT_PASSED,
    UsageMistake,
    add_gate_arguments,
    evaluate,
    exit_code,
    guarded,
    load_gate_settings,
)
from policies.output.formats import FORMATS, renderer
from policies.report import Report
from policies.runner.pack import load_pack

Output = tuple[str, Path | None]
"""A format, and the file that it goes to; None for standard output."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_gate_arguments(parser)
    parser.add_argument(
        "--output",
        metavar="FORMAT[=FILE]",
        type=_output,
        action="append",
        default=[],
        help=f"{', '.join(FORMATS)}; may be repeated",
    )
    parser.add_argument("--list", action="store_true", help="name every rule, and what was left out")
    parser.add_argument("--explain", metavar="ID", help="show the page of one rule")


def run(arguments: argparse.Namespace) -> int:
    """Judge, write every output, and give the exit code, which depends on no output."""
    return guarded("check", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if arguments.list or arguments.explain is not None:
        return _show_rules(arguments)
    outputs: list[Output] = arguments.output
    to_stdout = [name for name, file in outputs if file is None]
    if len(to_stdout) > 1:
        raise UsageMistake(f"{' and '.join(to_stdout)} both go to standard output; give one of them a file")
    report = evaluate(arguments)
    written = [_write(report, name, file) for name, file in outputs if file is not None]
    _print(_rendered(report, to_stdout[0] if to_stdout else "text"))
    return exit_code(report) if all(written) else EXIT_NOT_EVALUATED


def _show_rules(arguments: argparse.Namespace) -> int:
    from policies.output.catalogue import explanation, listing
    from policies.rules.left_out import LEFT_OUT

    pack = load_pack(Path(folder) for folder in load_gate_settings(arguments).rules)
    if arguments.list:
        _print(listing(pack.rules, LEFT_OUT))
        return EXIT_PASSED
    module = next((module for module in pack.rules if module.rule.id == arguments.explain.upper()), None)
    if module is None:
        raise UsageMistake(f"there is no rule {arguments.explain}; see 'countersign check --list'")
    _print(explanation(module, pack.law))
    return EXIT_PASSED


def _rendered(report: Report, name: str) -> str:
    if name == "text" and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        from policies.output.text import render_painted

        return render_painted(report)
    return renderer(name)(report)


def _write(report: Report, name: str, file: Path) -> bool:
    """Write one output; whether it is there now."""
    try:
        file.write_text(renderer(name)(report), "utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        print(f"countersign check: cannot write {file}: {reason}; mend the path of --output {name}", file=sys.stderr)
        return False
    return True


def _print(text: str) -> None:
    """Print, also where the terminal lacks a character, and where the reader has gone: the exit code stays."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        # Without this the interpreter complains once more while it flushes.
        sys.stdout = None


def _output(text: str) -> Output:
    name, equals, file = text.partition("=")
    if name not in FORMATS or (equals and not file):
        raise argparse.ArgumentTypeError(f"{text!r} is not FORMAT or FORMAT=FILE; formats: {', '.join(FORMATS)}")
    return name, Path(file) if file else None
