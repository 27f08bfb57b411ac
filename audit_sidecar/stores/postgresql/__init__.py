# SPDX-License-Identifier: Apache-2.0
"""A log in PostgreSQL that any number of sidecars append to."""
