# SPDX-License-Identifier: Apache-2.0
"""What `pulumi up` runs: the settings of the chosen stack, and everything that follows from them."""

import pulumi

from infra_pulumi.program import build
from infra_pulumi.settings import parse_settings

config = pulumi.Config("countersign")
for name, value in build(parse_settings(config.require_object("settings")), config.require("account")).items():
    pulumi.export(name, value)
