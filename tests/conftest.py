# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: no clock decides whether it passes, so a busy machine fails none."""

from hypothesis import settings

settings.register_profile("countersign", deadline=None)
settings.load_profile("countersign")
