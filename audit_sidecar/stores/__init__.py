# SPDX-License-Identifier: Apache-2.0
"""Where the log is kept: one Protocol, one contract, one folder per engine."""
