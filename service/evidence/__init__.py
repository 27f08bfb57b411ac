# SPDX-License-Identifier: Apache-2.0
"""The evidence path of the service: a stream of records, exported in order, each acknowledged before its answer."""
