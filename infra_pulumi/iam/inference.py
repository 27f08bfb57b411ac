# SPDX-License-Identifier: Apache-2.0
"""What the inference service may call: named endpoints and guardrails, and nothing that holds evidence."""

from collections.abc import Sequence

from infra_pulumi.iam.document import Document, allow, document


def service(endpoints: Sequence[str], guardrails: Sequence[str]) -> Document | None:
    """The service's policy; None where it needs no AWS at all, so that its role holds nothing."""
    statements = []
    if endpoints:
        statements.append(allow("InvokeEndpoint", ("sagemaker:InvokeEndpoint",), endpoints))
    if guardrails:
        statements.append(allow("ApplyGuardrail", ("bedrock:ApplyGuardrail",), guardrails))
    return document(*statements) if statements else None


def image_reader(repositories: Sequence[str]) -> Document:
    """What Argo CD's repo-server needs to read charts kept as OCI artifacts beside the images."""
    return document(
        allow("Token", ("ecr:GetAuthorizationToken",), ("*",)),
        allow(
            "Pull",
            (
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:DescribeImages",
                "ecr:GetDownloadUrlForLayer",
            ),
            repositories,
        ),
    )
