# SPDX-License-Identifier: Apache-2.0
"""One file for each command; `countersign.command` lists them, and each is imported when it is called."""
