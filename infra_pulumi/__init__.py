# SPDX-License-Identifier: Apache-2.0
"""The cloud: cluster, roles, tables, locked bucket and keys as one Pulumi program.

Not built yet. No module here declares a resource.
"""
