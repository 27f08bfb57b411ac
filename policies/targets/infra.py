# SPDX-License-Identifier: Apache-2.0
"""The resource graph of a Pulumi program as a target."""

from typing import Any

from msgspec import Struct

from policies.place import Place


class Resource(Struct, frozen=True, kw_only=True):
    """One resource as the program registered it; ``type`` is its Pulumi token, inputs have the provider's names."""

    type: str
    name: str
    inputs: dict[str, Any]
    place: Place
    """Where the program made it."""


class Infra(Struct, frozen=True, kw_only=True):
    """Every resource that the program registers for one stack. ``digest`` is that of the program's files."""

    name: str
    stack: str
    resources: tuple[Resource, ...]
    digest: str

    def of(self, *types: str) -> tuple[Resource, ...]:
        """The resources of these types, in order of registration."""
        return tuple(resource for resource in self.resources if resource.type in types)
