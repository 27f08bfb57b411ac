# SPDX-License-Identifier: Apache-2.0
"""Re-derive a whole log from its entries and compare every byte that claims to follow from them."""
