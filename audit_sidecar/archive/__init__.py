# SPDX-License-Identifier: Apache-2.0
"""The log as plain C2SP files elsewhere: a folder, or a bucket whose objects are locked."""
