# SPDX-License-Identifier: Apache-2.0
"""Settings: TOML file, then ``COUNTERSIGN_…`` environment, then command line, into one frozen Struct per program.

``COUNTERSIGN_EVIDENCE__DEADLINE=5`` sets ``evidence.deadline``; members of a list are separated by commas. Secrets are
file paths, never values.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, get_args, get_origin

import msgspec

from contracts.errors import SettingInvalid

PREFIX: Final = "COUNTERSIGN_"
RESERVED: Final = frozenset({"COUNTERSIGN_REQUIRE_TOOLS", "COUNTERSIGN_LONG"})
"""Variables of the test suite, not settings."""
SECTIONS: Final = ("serve", "sidecar", "audit_serve", "check")
"""Tables of a file that serves several programs."""

_MESSAGE: Final = re.compile(r"(?s)(.*?)(?: - at `\$\.?([^`]*)`)?")
_FIELD: Final = re.compile(r"Object (missing required|contains unknown) field `([^`]*)`")

Settings = TypeVar("Settings", bound=msgspec.Struct)


def load_settings(
    kind: type[Settings],
    environment: Mapping[str, str],
    config: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    section: str | None = None,
) -> Settings:
    """The settings of one program; SettingInvalid names the key and where it came from.

    A file may serve several programs: one that holds nothing but tables named as in `SECTIONS` gives each its own,
    here ``section``.

    ``overrides`` maps dotted names (``evidence.deadline``) to command-line values; None means not given.
    """
    tree = {} if config is None else _own_part(_read_toml(config), section)
    source = "environment and command line" if config is None else f"{config}, environment and command line"
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in RESERVED:
            path = name.removeprefix(PREFIX).lower().split("__")
            if _knows(kind, path):
                _place(tree, path, _listed(_type_at(kind, path), environment[name]), name)
    for dotted, value in (overrides or {}).items():
        if value is not None:
            _place(tree, dotted.split("."), value, f"--{dotted}")
    try:
        return msgspec.convert(tree, kind, strict=False)
    except msgspec.ValidationError as error:
        raise SettingInvalid(f"{_explain(str(error))} (looked in {source})") from error


def _own_part(tree: dict[str, Any], section: str | None) -> dict[str, Any]:
    if section is None or not tree or set(tree) - set(SECTIONS):
        return tree
    part = tree.get(section, {})
    if not isinstance(part, dict):
        raise SettingInvalid(
            f"{section} is a table of the settings of 'countersign {section.replace('_', ' ')}', not {part!r}"
        )
    return part


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingInvalid(f"cannot read settings file {path}: {error}") from error


def _knows(kind: type[msgspec.Struct], path: list[str]) -> bool:
    # One environment serves several programs (`up` starts two), so a name of another program's section is passed over;
    # a mistyped name inside a section that is ours is kept, and refused by the Struct.
    return any(field.name == path[0] for field in msgspec.structs.fields(kind))


def _type_at(kind: Any, path: list[str]) -> Any:
    for part in path:
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            return None
        kind = {field.name: field.type for field in msgspec.structs.fields(kind)}.get(part)
    return kind


def _listed(kind: Any, text: str) -> str | list[str]:
    # A variable holds one text; where a list is wanted its members are separated by commas.
    wanted = (kind, *get_args(kind))
    if not any(get_origin(option) is list for option in wanted):
        return text
    return [part.strip() for part in text.split(",") if part.strip()]


def _explain(message: str) -> str:
    """What the decoder found wrong, with the setting by its name."""
    match = _MESSAGE.fullmatch(message)
    what, section = (match[1], match[2] or "") if match else (message, "")
    if named := _FIELD.fullmatch(what):
        name = f"{section}.{named[2]}" if section else named[2]
        return f"setting {name} is missing" if named[1] == "missing required" else f"there is no setting {name}"
    what = what.replace("`", "")
    return f"setting {section}: {what[:1].lower()}{what[1:]}" if section else what


def _place(tree: dict[str, Any], path: list[str], value: Any, name: str) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise SettingInvalid(f"{name}: {part} is a value, not a section")
    tree[path[-1]] = value
