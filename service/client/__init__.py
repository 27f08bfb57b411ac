# SPDX-License-Identifier: Apache-2.0
"""A small HTTP/1.1 client for the two neighbours of the service: the sidecar's receiver and its audit API."""
