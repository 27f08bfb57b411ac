# SPDX-License-Identifier: Apache-2.0
"""The gate: targets, rules, runner and output that decide whether a model may reach production.

Not built yet. No module here evaluates anything, so nothing may be reported as having passed a gate.
"""
