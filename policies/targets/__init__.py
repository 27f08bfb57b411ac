# SPDX-License-Identifier: Apache-2.0
"""What is judged: each target read once, typed, with the place of everything in it."""
