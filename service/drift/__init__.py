# SPDX-License-Identifier: Apache-2.0
"""What is predicted, compared with what was trained on; nothing here knows evidence, HTTP or Prometheus."""
