# SPDX-License-Identifier: Apache-2.0
"""Roles that AWS's own services take on, with the policies that AWS keeps for them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import pulumi
import pulumi_aws as aws

from infra_pulumi.iam.document import Document

MANAGED: Final = "arn:aws:iam::aws:policy"


class ManagedRole(NamedTuple):
    """A role and what is attached to it. What takes it on has to wait for both, or starts without rights."""

    role: aws.iam.Role
    attachments: tuple[aws.iam.RolePolicyAttachment, ...]


def managed_role(name: str, trust: Document, policies: Sequence[str], opts: pulumi.ResourceOptions) -> ManagedRole:
    """A role that ``trust`` lets a service take on, with policies by the names that AWS gives them."""
    role = aws.iam.Role(name, assume_role_policy=pulumi.Output.json_dumps(trust), opts=opts)
    attachments = [
        aws.iam.RolePolicyAttachment(f"{name}-{policy}", role=role.name, policy_arn=f"{MANAGED}/{policy}", opts=opts)
        for policy in policies
    ]
    return ManagedRole(role, tuple(attachments))
