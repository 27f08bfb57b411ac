# SPDX-License-Identifier: Apache-2.0
"""The model of a bundle, as the service runs it: probabilities, the label they mean, and the reasons for them."""
