# SPDX-License-Identifier: Apache-2.0
"""The recipes of the reference models, one folder each."""
