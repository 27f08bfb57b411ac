-- SPDX-License-Identifier: Apache-2.0
-- Statements are separated by lines that hold only a semicolon, and executed one by one, in one transaction.
-- Texts that a sender chose are bytes here: a PostgreSQL text cannot hold every string that OTLP can.

CREATE TABLE meta (
    id      smallint PRIMARY KEY CHECK (id = 1),
    version integer  NOT NULL,               -- of this schema
    origin  text     NOT NULL,
    created bigint   NOT NULL                -- unix nanoseconds
)
;
-- The head of the log: one row, whose lock is a sidecar's turn, replaced in every commit.
CREATE TABLE head (
    id       smallint PRIMARY KEY CHECK (id = 1),
    size     bigint   NOT NULL,
    frontier bytea    NOT NULL               -- size, then the roots of the perfect subtrees, largest first
) WITH (fillfactor = 10)
;
CREATE FUNCTION head_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.frontier <> OLD.frontier) THEN
        RAISE EXCEPTION 'the head of the log only grows' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
;
CREATE TRIGGER head_only_grows BEFORE UPDATE ON head FOR EACH ROW EXECUTE FUNCTION head_only_grows()
;
-- The newest checkpoint: earlier ones can be signed again from the leaves, bit for bit.
CREATE TABLE checkpoint (
    id   smallint PRIMARY KEY CHECK (id = 1),
    size bigint   NOT NULL,
    root bytea    NOT NULL,
    note bytea    NOT NULL,
    time bigint   NOT NULL
) WITH (fillfactor = 10)
;
CREATE FUNCTION one_root_for_a_size() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root) THEN
        RAISE EXCEPTION 'a checkpoint of this size or a larger one was signed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
;
CREATE TRIGGER one_root_for_a_size BEFORE UPDATE ON checkpoint
    FOR EACH ROW EXECUTE FUNCTION one_root_for_a_size()
;
-- Who publishes, by the server's clock.
CREATE TABLE publisher (
    id     smallint    PRIMARY KEY CHECK (id = 1),
    holder bytea       NOT NULL,             -- chosen at random by each sidecar when it starts
    until  timestamptz NOT NULL
) WITH (fillfactor = 10)
;
-- Resource, scope and schema URLs that many spans share, kept once, byte for byte.
CREATE TABLE context (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest              bytea NOT NULL UNIQUE,
    resource            bytea,
    scope               bytea,
    scope_schema_url    bytea,
    resource_schema_url bytea
)
;
CREATE TABLE stream (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid          bytea   NOT NULL UNIQUE,
    producer      bytea   NOT NULL,
    release       bytea   NOT NULL,
    context       bigint  NOT NULL REFERENCES context,
    model_id      bytea,
    model_version bytea,
    next_seq      bigint  NOT NULL,
    first_time    bigint  NOT NULL,          -- as leaf.time
    last_time     bigint  NOT NULL,
    ended         boolean NOT NULL
) WITH (fillfactor = 50)
;
-- Append-only. The leaf's text is rebuilt from these columns and its stream.
CREATE TABLE leaf (
    leaf_index bigint   PRIMARY KEY,
    leaf_hash  bytea    NOT NULL,
    commitment bytea    NOT NULL,
    kind       smallint NOT NULL,            -- position in contracts.semconv.RECORD_KINDS
    month      smallint NOT NULL,            -- in which the payload was kept: 12 * year + month - 1
    trace      bytea    NOT NULL,
    span       bytea    NOT NULL,
    time       bigint   NOT NULL,            -- unix nanoseconds, u64, minus 2**63
    stream     bigint,
    seq        bigint,
    about      bytea                         -- request id, where it is not the trace id
)
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
    level    smallint NOT NULL,
    position bigint   NOT NULL,
    hash     bytea    NOT NULL,
    PRIMARY KEY (level, position)
)
;
-- What erasure destroys: payload with salt, and what a record is found by. A month can be detached whole.
CREATE TABLE payload (
    leaf_index bigint   NOT NULL,
    month      smallint NOT NULL,
    context    bigint   NOT NULL,
    salt       bytea    NOT NULL,
    span       bytea    NOT NULL,
    PRIMARY KEY (leaf_index, month)
) PARTITION BY LIST (month)
;
CREATE TABLE payload_of_other_months PARTITION OF payload DEFAULT
;
CREATE TABLE finding (
    leaf_index bigint PRIMARY KEY,
    subject    bytea,
    label      bytea,
    score      double precision
)
;
-- A subject may be any text; a pseudonym is told by its beginning.
CREATE INDEX finding_by_subject ON finding (substr(subject, 1, 32), leaf_index) WHERE subject IS NOT NULL
;
CREATE TABLE conflict (
    leaf_index bigint PRIMARY KEY
)
;
CREATE TABLE gap (
    leaf_index bigint PRIMARY KEY,
    stream     bytea  NOT NULL,
    first      bigint NOT NULL,
    last       bigint NOT NULL
)
;
CREATE INDEX gap_by_stream ON gap (stream)
