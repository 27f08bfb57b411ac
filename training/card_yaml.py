# SPDX-License-Identifier: Apache-2.0
"""Write a model card as block YAML: keys in the order of the Struct, absent values left out, the same bytes each time.

`contracts.model_card.parse_card` reads the same card back.
"""

import datetime as dt
import re
from typing import Any

import msgspec
import yaml

from contracts.model_card import ModelCard

_WIDTH = 110


class _Dumper(yaml.SafeDumper):
    """Block style with indented lists, and quotes around text that YAML 1.2 would read as a number."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        """Indent lists inside mappings; `indentless` is what PyYAML would like instead."""
        return super().increase_indent(flow, False)


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)


def card_yaml(card: ModelCard) -> bytes:
    """Give the bytes of `card.yaml`."""
    plain = _without_none(msgspec.to_builtins(card, builtin_types=(dt.date,)))
    text = yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH, default_flow_style=False)
    return text.encode()


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value
