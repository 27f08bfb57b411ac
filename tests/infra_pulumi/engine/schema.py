# SPDX-License-Identifier: Apache-2.0
"""The provider's own schema, as the installed `pulumi_aws` has it: which properties a resource takes, and of what type.

Those classes are generated from the schema of the provider, so a name, a type, or an input that has to be there is
known here as the provider knows it. Where the documentation of an input closes the list of its values ("Valid values
are `A` and `B`", "Possible values are: 1, 3, and 5"), that list holds, too. What the provider checks in code is not
known: formats, limits, and which inputs exclude each other. No private part of AWS is asked.
"""

import inspect
import re
import sys
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from importlib import import_module
from typing import Any, Final, NamedTuple, Union, get_args, get_origin

import pulumi_aws  # registers every resource with the SDK
from pulumi._types import (
    input_type_py_to_pulumi_names,
    input_type_types,
    is_input_type,
    is_output_type,
    output_type_types,
    resource_types,
)
from pulumi.runtime.rpc import UNKNOWN, get_resource_module

PROVIDER: Final = "pulumi:providers:aws"
_CLOSED: Final = re.compile(
    r"(?:[Vv]alid|[Aa]llowed|[Pp]ossible) (?:[Vv]alues|options)(?: are| include)?:? "
    r"((?:(?:, |,? and |,? or )?(?:`[^`]+`|\d+\b))+)"
)
_VALUE: Final = re.compile(r"`([^`]+)`|(\d+)")

# Terraform's provider, which this one wraps, takes it since 6.21 (hashicorp/terraform-provider-aws#45015).
_UNLISTED: Final = frozenset({"ECC_NIST_EDWARDS25519"})


class Field(NamedTuple):
    """One property: its type, whether it has to be given, and the values it may have, if they are listed."""

    kind: Any
    required: bool
    values: frozenset[str]


class Unknown(Exception):
    """A resource type that the provider does not have."""


@cache
def inputs(token: str) -> dict[str, Field]:
    """What a resource of this type takes, by the provider's names. Raises Unknown."""
    made = resource_class(token)
    beside = vars(sys.modules[made.__module__])
    # Where a nested type has the name already, the generator gives the inputs this other one.
    return _fields(beside.get(f"{made.__name__}InitArgs") or beside[f"{made.__name__}Args"])


@cache
def outputs(token: str) -> dict[str, Any]:
    """What a resource of this type has once it is made, by the provider's names. Raises Unknown."""
    found: dict[str, Any] = resource_types(resource_class(token))
    return found


def resource_class(token: str) -> Any:
    """The class that makes resources of this type. Raises Unknown."""
    if token == PROVIDER:
        return pulumi_aws.Provider
    package, _, rest = token.partition(":")
    module, _, _ = rest.partition(":")
    known = get_resource_module(package, module, "")
    name = known.mod_info["classes"].get(token) if known else None
    if name is None:
        raise Unknown(f"the provider has no resource {token}")
    with warnings.catch_warnings():
        # The provider's modules warn of what else is in them.
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(import_module(known.mod_info["fqn"]), name)


def refusals(given: Mapping[str, Any], fields: Mapping[str, Field], path: str = "") -> Iterator[tuple[str, str]]:
    """Everything that the schema does not take: property and reason."""
    for name, value in given.items():
        place = f"{path}{name}"
        field = fields.get(name)
        if field is None:
            yield place, f"no such property; there are {', '.join(sorted(fields))}"
        elif value is not None:
            yield from mismatches(value, field.kind, place)
            listed = isinstance(value, str | int) and not isinstance(value, bool)
            if field.values and listed and str(value) not in field.values | _UNLISTED | {UNKNOWN}:
                yield place, f"{value!r} is none of {', '.join(sorted(field.values))}"
    for name, field in fields.items():
        if field.required and given.get(name) is None:
            yield f"{path}{name}", "is required and not given"


def mismatches(value: Any, kind: Any, place: str) -> Iterator[tuple[str, str]]:
    """Where a value, as it crosses the wire, is not of a type. What is not known yet is of every type."""
    if value == UNKNOWN or kind is Any or value is None:
        return
    choices = _choices(kind)
    if len(choices) > 1:
        tried = [list(mismatches(value, choice, place)) for choice in choices]
        yield from min(tried, key=len)
        return
    (kind,) = choices
    origin = get_origin(kind)
    if _nested(kind):
        found = refusals(value, _fields(kind), f"{place}.") if isinstance(value, dict) else _not(value, kind, place)
    elif origin in (list, Sequence):
        items = enumerate(value) if isinstance(value, list) else None
        found = _each(items, get_args(kind)[0], place, value)
    elif origin in (dict, Mapping):
        pairs = value.items() if isinstance(value, dict) else None
        found = _each(pairs, get_args(kind)[1], place, value)
    else:
        found = iter(()) if _is_scalar(value, kind) else _not(value, kind, place)
    yield from found


def _each(items: Iterable[tuple[Any, Any]] | None, kind: Any, place: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every item of a collection; None where the value is no collection of that sort."""
    if items is None:
        yield place, f"{value!r} is no collection of {getattr(kind, '__name__', kind)}"
        return
    for key, item in items:
        yield from mismatches(item, kind, f"{place}[{key}]")


def _not(value: Any, kind: Any, place: str) -> Iterator[tuple[str, str]]:
    yield place, f"{value!r} is no {getattr(kind, '__name__', kind)}"


def _is_scalar(value: Any, kind: Any) -> bool:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return value in [member.value for member in kind]
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) if kind in (str, bool) else False


def _choices(kind: Any) -> list[Any]:
    """The types that a value may have, without what only a program knows: outputs, awaitables and plain mappings."""
    if get_origin(kind) not in (Union, types.UnionType):
        return [kind]
    found = [choice for each in get_args(kind) for choice in _choices(each) if _crosses_the_wire(each)]
    plain = [choice for choice in found if not (get_origin(choice) is Mapping and any(map(_nested, found)))]
    return [choice for choice in plain if choice is not type(None)] or [Any]


def _crosses_the_wire(kind: Any) -> bool:
    name = getattr(get_origin(kind), "__name__", "")
    return name not in ("Awaitable", "Output")


def _nested(kind: Any) -> bool:
    return isinstance(kind, type) and (is_input_type(kind) or is_output_type(kind))


@cache
def _fields(kind: Any) -> dict[str, Field]:
    if is_output_type(kind):
        return {name: Field(each, False, frozenset()) for name, each in output_type_types(kind).items()}
    names = {wire: own for own, wire in input_type_py_to_pulumi_names(kind).items()}
    given = inspect.signature(kind.__init__).parameters
    return {
        wire: Field(each, given[names[wire]].default is inspect.Parameter.empty, _listed(kind, names[wire]))
        for wire, each in input_type_types(kind).items()
    }


def _listed(kind: Any, name: str) -> frozenset[str]:
    """The values that the documentation closes a property to; none where it names just one, or says it otherwise."""
    said = inspect.getdoc(getattr(kind, name, None)) or ""
    found = [frozenset(text or number for text, number in _VALUE.findall(values)) for values in _CLOSED.findall(said)]
    plain = [values for values in found if len(values) > 1 and all(map(re.compile(r"[\w.-]+").fullmatch, values))]
    return plain[0] if len(plain) == 1 else frozenset()
