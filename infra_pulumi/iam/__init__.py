# SPDX-License-Identifier: Apache-2.0
"""IAM documents as pure functions of resource names: what each program may do, and who may become it."""
