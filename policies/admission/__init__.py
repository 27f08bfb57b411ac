# SPDX-License-Identifier: Apache-2.0
"""What the admission policies of a cluster look at: the list of releases that the gate has allowed."""
