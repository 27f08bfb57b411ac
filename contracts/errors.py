# SPDX-License-Identifier: Apache-2.0
"""The errors every program knows. HTTP status codes and exit codes are chosen at the edge.

A message starts in lower case, names the thing that is wrong and where, and says how to mend it.
"""


class CountersignError(Exception):
    """Anything the product refuses with a reason a person can act on; never a traceback for the user."""


class ContractError(CountersignError):
    """Bytes or values that break a published format: spans, leaves, receipts, ids, canonical JSON."""


class ModelCardInvalid(CountersignError):
    """A model card that cannot be read: YAML error, unknown or duplicate key, wrong type."""


class BundleInvalid(CountersignError):
    """A bundle that cannot be served: a file is missing, or a digest differs from the card's."""


class SettingInvalid(CountersignError):
    """A setting, token file or key file that is missing, malformed or contradicts another."""
