# SPDX-License-Identifier: Apache-2.0
"""The demonstration: real processes, real records, and commands that anybody can type again."""
