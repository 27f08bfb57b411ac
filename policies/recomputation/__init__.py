# SPDX-License-Identifier: Apache-2.0
"""Every figure of a card, computed again from the artifact and the evaluation rows."""
