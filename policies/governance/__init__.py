# SPDX-License-Identifier: Apache-2.0
"""Waivers, approvers and approvals: what people decided, read from files under review."""
