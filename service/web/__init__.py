# SPDX-License-Identifier: Apache-2.0
"""The service's HTTP edge: the only part that knows status codes, headers and routes."""
