-- SPDX-License-Identifier: Apache-2.0
-- Statements are separated by lines that hold only a semicolon, and executed one by one.

-- The log itself: one row, replaced in every commit.
CREATE TABLE log (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    origin   TEXT    NOT NULL,
    created  INTEGER NOT NULL,              -- unix nanoseconds
    size     INTEGER NOT NULL,
    frontier BLOB    NOT NULL               -- size, then the roots of the perfect subtrees, largest first
) STRICT
;
-- The newest checkpoint: earlier ones can be signed again from the leaves, bit for bit.
CREATE TABLE checkpoint (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    size INTEGER NOT NULL,
    root BLOB    NOT NULL,
    note BLOB    NOT NULL,
    time INTEGER NOT NULL
) STRICT
;
-- Resource, scope and schema URLs that many spans share, kept once, byte for byte.
CREATE TABLE context (
    id                  INTEGER PRIMARY KEY,
    digest              BLOB NOT NULL UNIQUE,
    resource            BLOB,
    scope               BLOB,
    scope_schema_url    BLOB,
    resource_schema_url BLOB
) STRICT
;
CREATE TABLE stream (
    id            INTEGER PRIMARY KEY,
    uuid          BLOB    NOT NULL UNIQUE,
    producer      TEXT    NOT NULL,
    release       BLOB    NOT NULL,
    context       INTEGER NOT NULL REFERENCES context,
    model_id      TEXT,
    model_version TEXT,
    next_seq      INTEGER NOT NULL,
    first_time    INTEGER NOT NULL,         -- as leaf.time
    last_time     INTEGER NOT NULL,
    ended         INTEGER NOT NULL
) STRICT
;
-- Append-only. The leaf's text is rebuilt from these columns and its stream.
CREATE TABLE leaf (
    leaf_index INTEGER PRIMARY KEY,
    leaf_hash  BLOB    NOT NULL,
    commitment BLOB    NOT NULL,
    kind       INTEGER NOT NULL,            -- position in contracts.semconv.RECORD_KINDS
    trace      BLOB    NOT NULL,
    span       BLOB    NOT NULL,
    time       INTEGER NOT NULL,            -- unix nanoseconds, u64, minus 2**63
    stream     INTEGER REFERENCES stream,
    seq        INTEGER,
    about      BLOB                         -- request id, where it is not the trace id
) STRICT
;
-- A trace may have very many spans, hence both ids.
CREATE INDEX leaf_by_ids ON leaf (trace, span)
;
CREATE INDEX leaf_by_about ON leaf (about) WHERE about IS NOT NULL
;
CREATE INDEX leaf_by_time ON leaf (time)
;
-- Roots of perfect subtrees over 256, 65536, … leaves.
CREATE TABLE subtree (
    level    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash     BLOB    NOT NULL,
    PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID
;
-- What erasure destroys: payload with salt, and what a record is found by.
CREATE TABLE payload (
    leaf_index INTEGER PRIMARY KEY,
    context    INTEGER NOT NULL REFERENCES context,
    salt       BLOB    NOT NULL,
    subject    ANY,                         -- 16 bytes of a pseudonym, or text
    label      TEXT,
    score      REAL,
    dictionary INTEGER NOT NULL,            -- what the span is compressed with, see kept_span.py; 0 = as it is
    span       BLOB    NOT NULL             -- without what leaf, subject and score say
) STRICT
;
-- Pseudonyms are random, and an index in their order would touch another page for each record. So it is in order
-- within 512 records at a time: what is written stays small, and a search looks once into each such part.
CREATE INDEX payload_by_subject ON payload (leaf_index >> 9, substr(subject, 1, 8)) WHERE subject IS NOT NULL
;
CREATE TABLE conflict (
    leaf_index INTEGER PRIMARY KEY
) STRICT
;
CREATE TABLE gap (
    leaf_index INTEGER PRIMARY KEY,
    stream     BLOB    NOT NULL,
    first      INTEGER NOT NULL,
    last       INTEGER NOT NULL
) STRICT
;
CREATE INDEX gap_by_stream ON gap (stream)
