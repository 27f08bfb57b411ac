# SPDX-License-Identifier: Apache-2.0
"""Image repositories: a tag is written once, every push is scanned."""

from typing import Final

import pulumi
import pulumi_aws as aws

from infra_pulumi.settings import Settings

IMAGES: Final = ("service", "sidecar")


class Images(pulumi.ComponentResource):
    """One repository an image; ``repositories`` by image."""

    def __init__(
        self, settings: Settings, key_arn: pulumi.Input[str], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("countersign:images:Images", settings.name, {}, opts)
        self.repositories = {
            image: aws.ecr.Repository(
                f"{settings.name}-{image}",
                name=f"{settings.name}/{image}",
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration={"scan_on_push": True},
                encryption_configurations=[{"encryption_type": "KMS", "kms_key": key_arn}],
                force_delete=settings.removable,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for image in IMAGES
        }
        self.register_outputs({image: repository.repository_url for image, repository in self.repositories.items()})
