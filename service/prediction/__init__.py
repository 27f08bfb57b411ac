# SPDX-License-Identifier: Apache-2.0
"""From a request's bytes to an answer's bytes, for any bundle; knows no HTTP."""
