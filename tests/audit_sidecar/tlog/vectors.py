# SPDX-License-Identifier: Apache-2.0
"""Published texts that other implementations accept, and the keys behind them."""

# The example of C2SP signed-note.
SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()

# A log of the first seven certificate-transparency leaves, seed 00..1f, with the line of a witness; checked with
# transparency-dev/formats.
ORIGIN = "audit.example.com/svc/pod-0"
SEED = bytes(range(32))
LOG_VKEY = f"{ORIGIN}+05f4c4cd+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
CHECKPOINT_TEXT = f"{ORIGIN}\n7\n3bib5AOAnjJXUNPSY814kpwpQreUKjS3fhIslZSnTIw=\n"
LOG_LINE = f"— {ORIGIN} BfTEzfZM47nofAQI83H7GFljcOBLgQO7cd8j70TkNyfMtn26Rbp06o1Jzc7gizAswVlMV/wMUd3HYHGAwli8SlgGXwg=\n"
WITNESS_VKEY = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
WITNESS_LINE = (
    "— witness.example/w1 IDJKvgAAAABlU/EApe2+4PgbH3C1WKPg1boo1jVSxVXWo6e5o1AvIV5l+Ul5ABBo9mbrPw2pnUzY7AKvGI/7nlNw"
    "KVjKS3/mjuSyCg==\n"
)
CHECKPOINT_NOTE = f"{CHECKPOINT_TEXT}\n{LOG_LINE}{WITNESS_LINE}".encode()
