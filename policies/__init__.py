# SPDX-License-Identifier: Apache-2.0
"""The gate: whether a model may reach production, decided by rules over what was named, and by nothing else.

`targets` are read once, `rules` are asked about them by the `runner`, `governance` holds what people decided, `output`
tells, `verdict` signs. What cannot be read or judged never passes. `policies.runner.gate.run_gate` runs all of it.
"""
