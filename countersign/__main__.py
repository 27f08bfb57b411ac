# SPDX-License-Identifier: Apache-2.0
"""Entry point: find the command, run it, turn refusals into one line on stderr and an exit code."""

import argparse
import importlib
import sys
from typing import cast

from contracts.errors import CountersignError
from countersign import __version__
from countersign.command import COMMANDS, Command, CommandModule

EXIT_REFUSED = 2
EXIT_USAGE = 64
_GROUPS = {"store": "create and inspect stores", "audit": "search, prove and verify evidence"}


def main(arguments: list[str] | None = None) -> int:
    """Run ``countersign``; the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    command = next((c for c in COMMANDS if tuple(words[: len(c.path)]) == c.path), None)
    if command is None:
        return _without_command(words)
    try:
        module = cast(CommandModule, importlib.import_module(f"countersign.commands.{command.module}"))
    except ModuleNotFoundError as error:  # exit code 1, Python's own, would say that something was judged and failed
        what = f"the package {error.name} is missing; install Countersign with the extra that this command needs"
        print(f"countersign {' '.join(command.path)}: {what}", file=sys.stderr)
        return EXIT_REFUSED
    # No abbreviations: who looks at a command line for what it may not hold looks for whole words.
    parser = _Parser(prog=f"countersign {' '.join(command.path)}", description=command.summary, allow_abbrev=False)
    module.configure(parser)
    parsed = parser.parse_args(words[len(command.path) :])
    try:
        return module.run(parsed)
    except CountersignError as error:
        print(f"countersign {' '.join(command.path)}: {error}", file=sys.stderr)
        return EXIT_REFUSED
    except BrokenPipeError:
        # The reader (head, less) has gone; without this the interpreter complains once more while it flushes.
        sys.stdout = None
        return 0
    except KeyboardInterrupt:
        return 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def _without_command(words: list[str]) -> int:
    if words in (["--version"], ["-V"]):
        print(f"countersign {__version__}")
        return 0
    if not words or words[0] in ("-h", "--help", *_GROUPS):
        chosen = [c for c in COMMANDS if not words or words[0] not in _GROUPS or c.path[0] == words[0]]
        asked = bool(words) and (words[0] in ("-h", "--help") or words[1:2] in (["-h"], ["--help"]))
        print(_overview(chosen), file=sys.stdout if asked else sys.stderr)
        return 0 if asked else EXIT_USAGE
    print(f"countersign: no command {words[0]!r}; see 'countersign --help'", file=sys.stderr)
    return EXIT_USAGE


def _overview(commands: list[Command]) -> str:
    width = max(len(" ".join(c.path)) for c in commands)
    lines = [f"  {' '.join(c.path):<{width}}  {c.summary}" for c in commands]
    return "\n".join(["usage: countersign COMMAND …   (COMMAND --help tells more)", "", *lines])


if __name__ == "__main__":
    sys.exit(main())
