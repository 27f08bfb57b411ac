# SPDX-License-Identifier: Apache-2.0
"""Law and standards as data: one TOML file a source, with the date on which it was read."""
