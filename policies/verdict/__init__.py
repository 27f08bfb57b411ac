# SPDX-License-Identifier: Apache-2.0
"""The signed verdict over what was judged, and its verification."""
