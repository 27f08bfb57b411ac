# SPDX-License-Identifier: Apache-2.0
"""The address plan of a stack: networks that AWS takes, apart from each other, and no door that is open to everybody.

Whether an address plan fits those of networks beside it is for whoever chooses it.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Final

from contracts.errors import SettingInvalid

WIDEST: Final = 16
"""Prefix of the widest network that AWS makes."""
SMALLEST: Final = 20
"""Prefix of the smallest network whose eighth still holds the pods of a node group."""
SERVICES: Final = (12, 24)
"""Prefixes of the widest and the smallest network that EKS takes for services."""
DOOR: Final = 16
"""Prefix of the widest network that the cluster's API may be opened to: two halves of the internet are all of it."""
PRIVATE: Final = tuple(IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""RFC 1918, within which EKS wants services."""


def check_addresses(cidr: str, services: str, public_from: Sequence[str]) -> None:
    """SettingInvalid says which of the network, the services' addresses or a door is wrong, and how to mend it."""
    own, inner = _network("network: cidr", cidr), _network("cluster: services", services)
    if own.overlaps(inner):
        raise _invalid(f"cluster: services {inner} overlaps the network {own}; move either")
    if own.prefixlen > SMALLEST:
        raise _invalid(f"network: cidr {own} holds no six subnets of use; /{SMALLEST} does")
    if own.prefixlen < WIDEST:
        raise _invalid(f"network: cidr {own} is wider than AWS makes a network; /{WIDEST} is the widest")
    if not SERVICES[0] <= inner.prefixlen <= SERVICES[1] or not any(map(inner.subnet_of, PRIVATE)):
        wanted = f"a private network (RFC 1918) of /{SERVICES[0]} to /{SERVICES[1]}"
        raise _invalid(f"cluster: services {inner} is not what EKS takes; write {wanted}")
    for door in public_from:
        if _network("cluster: public_from", door).prefixlen < DOOR:
            raise _invalid(
                f"cluster: public_from {door} opens the cluster's API to more than /{DOOR}; name the networks you use"
            )


def _network(setting: str, cidr: str) -> IPv4Network:
    try:
        return IPv4Network(cidr)
    except ValueError as error:
        raise _invalid(f"{setting}: {error}; write a network, such as 10.0.0.0/16") from None


def _invalid(what: str) -> SettingInvalid:
    return SettingInvalid(f"countersign:settings of the stack: {what}")
