# SPDX-License-Identifier: Apache-2.0
"""What the service is measured against. Each module runs in an environment of its own and imports nothing of ours."""
