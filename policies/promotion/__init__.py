# SPDX-License-Identifier: Apache-2.0
"""From what an environment is to run to the folder that Argo CD applies: rendered, judged, signed, swapped in."""
