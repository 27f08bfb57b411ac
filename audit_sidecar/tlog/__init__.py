# SPDX-License-Identifier: Apache-2.0
"""A transparency log in pure functions: RFC 6962 hashes, C2SP tiles, signed notes, checkpoints and proofs.

Nothing here reads, writes, waits or knows what an entry means. Every parser accepts exactly one spelling of a value
and every refusal is a `VerificationError`. Import from the module that holds the word: `merkle`, `tiles`, `keys`,
`note`, `checkpoint`, `proof`, `errors`.
"""
