# SPDX-License-Identifier: Apache-2.0
"""A report in the formats that people and programs read."""
