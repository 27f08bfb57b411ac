# SPDX-License-Identifier: Apache-2.0
"""Witnesses: others who say that they saw this log at this size, so that its history cannot be changed unseen."""
