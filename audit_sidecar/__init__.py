# SPDX-License-Identifier: Apache-2.0
"""Receives evidence spans, keeps them, proves them and lets people query them."""
