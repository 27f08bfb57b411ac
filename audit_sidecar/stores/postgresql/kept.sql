-- SPDX-License-Identifier: Apache-2.0
-- What is kept of records besides their leaves, since version 2 of the schema. Statements as in schema.sql.

-- What a record counts as; few records are alone in theirs. Each kind and model has one without a label, too.
CREATE TABLE class (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest        bytea    NOT NULL UNIQUE,
    kind          smallint NOT NULL,
    model_id      bytea,
    model_version bytea,
    label         bytea
)
;
-- What erasure destroys: payload with salt, and what a record is found by. A month can be detached whole.
CREATE TABLE kept (
    leaf_index bigint   NOT NULL,
    context    bigint   NOT NULL,
    score      double precision,
    class      integer  NOT NULL,
    month      smallint NOT NULL,
    dictionary smallint NOT NULL,            -- what the span is compressed with, see kept_span.py; 0 = as it is
    salt       bytea,                        -- NULL, as the span, once erased
    subject    bytea,                        -- 1 and the 16 bytes of a pseudonym, or 0 and a text
    span       bytea,                        -- without what leaf, subject and score say
    PRIMARY KEY (leaf_index, month)
) PARTITION BY LIST (month)
;
ALTER TABLE kept ALTER COLUMN span SET STORAGE EXTERNAL
;
CREATE TABLE kept_of_other_months PARTITION OF kept DEFAULT
;
-- Pseudonyms are random, and an index in their order would touch another page for each record. So it is in order
-- within 65,536 records at a time: what is written stays small, and a search looks once into each such part.
CREATE INDEX kept_by_subject ON kept (((leaf_index >> 16)::integer), substr(subject, 1, 9)) WHERE subject IS NOT NULL
;
-- With the index itself, so that what is counted or found by this needs no row.
CREATE INDEX kept_by_class ON kept (((leaf_index >> 13)::integer), class, score) INCLUDE (leaf_index)
;
-- How many records of a class each part of 8,192 leaves holds, written by the commit that fills the part.
CREATE TABLE tally (
    part       integer  NOT NULL,
    class      integer  NOT NULL,
    bucket     smallint NOT NULL,            -- of scores; -32768 = without one
    records    integer  NOT NULL,
    first_time bigint   NOT NULL,            -- as leaf.time
    last_time  bigint   NOT NULL,
    low        double precision,             -- smallest and largest score
    high       double precision,
    PRIMARY KEY (part, class, bucket)
)
;
CREATE INDEX tally_by_class ON tally (class, part)
;
-- Buckets do not overlap: sixteen between 0 and 1, eight for each power of ten beyond. What is no longer kept counts
-- as of its kind and model, without a label.
CREATE FUNCTION tallied(wanted integer) RETURNS SETOF tally LANGUAGE sql STABLE AS $$
    SELECT wanted, found.class, found.bucket, count(*)::integer,
           min(found.time), max(found.time), min(found.score), max(found.score)
    FROM (
        SELECT l.time, k.score,
               coalesce(k.class, (
                   SELECT c.id FROM countersign.class AS c LEFT JOIN countersign.stream AS s ON s.id = l.stream
                   WHERE c.kind = l.kind AND c.label IS NULL AND c.model_id IS NOT DISTINCT FROM s.model_id
                   AND c.model_version IS NOT DISTINCT FROM s.model_version
               )) AS class,
               (CASE WHEN k.score IS NULL THEN -32768
                     WHEN abs(k.score) <= 1 THEN floor(k.score * 16)
                     ELSE sign(k.score) * (17 + least(floor(log(abs(k.score)) * 8), 4000)) END)::smallint AS bucket
        FROM countersign.leaf AS l
        LEFT JOIN countersign.kept AS k ON k.leaf_index = l.leaf_index AND k.month = l.month
            AND k.leaf_index >= wanted::bigint << 13 AND k.leaf_index < (wanted + 1)::bigint << 13
        WHERE l.leaf_index >= wanted::bigint << 13 AND l.leaf_index < (wanted + 1)::bigint << 13
    ) AS found
    GROUP BY found.class, found.bucket
$$
;
-- Whatever the eraser does, nothing of it stays in a tally: its parts are counted again, in its own transaction.
CREATE FUNCTION tally_again() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = countersign, pg_temp
AS $$
DECLARE
    touched integer;
BEGIN
    FOR touched IN SELECT DISTINCT (leaf_index >> 13)::integer FROM changed ORDER BY 1 LOOP
        PERFORM pg_advisory_xact_lock(hashtext('countersign.tally'), touched);
        -- A part that is not full yet has no tally; whoever fills it waits until this is committed, and sees it.
        IF touched >= (SELECT size >> 13 FROM head) THEN
            PERFORM FROM head FOR SHARE;
        END IF;
        DELETE FROM tally WHERE part = touched;
        INSERT INTO tally SELECT t.* FROM head, tallied(touched) AS t WHERE touched < head.size >> 13;
    END LOOP;
    RETURN NULL;
END $$
;
CREATE TRIGGER tally_changed AFTER UPDATE ON kept REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION tally_again()
;
CREATE TRIGGER tally_removed AFTER DELETE ON kept REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION tally_again()
