# SPDX-License-Identifier: Apache-2.0
"""A measurement that cannot be trusted is no measurement."""

from contracts.errors import CountersignError


class BenchFailed(CountersignError):
    """Something did not start, or answered with errors; the run stops rather than print a figure."""
