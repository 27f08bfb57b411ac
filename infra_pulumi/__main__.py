# SPDX-License-Identifier: Apache-2.0
"""What `pulumi up` runs: the settings of the chosen stack, and everything that follows from them."""

import pulumi

from contracts.errors import SettingInvalid
from infra_pulumi.program import build
from infra_pulumi.settings import check_account, parse_account, parse_settings

config = pulumi.Config("countersign")
try:
    settings = parse_settings(config.require_object("settings"))
    account = parse_account(config.require("account"))
    check_account(settings, account)
except SettingInvalid as error:
    # Said without a trace of calls: it is the stack's file that is wrong.
    raise pulumi.RunError(str(error)) from None
for name, value in build(settings, account).items():
    pulumi.export(name, value)
