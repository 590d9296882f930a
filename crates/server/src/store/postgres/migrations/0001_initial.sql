-- Everything lies in the schema that the connection's `search_path` names first, by default `public`.
-- Texts that only have to be equal are compared by their bytes: the order of a locale may change
-- with the system's libraries, and with it every index.

-- One row: facts of the whole store.
CREATE TABLE store (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    org_id text COLLATE "C" NOT NULL,
    org_name text COLLATE "C" NOT NULL,
    -- Signs the URLs of uploads and downloads.
    signing_secret bytea
);

CREATE TABLE api_keys (
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    id text COLLATE "C" PRIMARY KEY,
    sha256 bytea NOT NULL UNIQUE,
    created text COLLATE "C" NOT NULL,
    revoked text COLLATE "C",
    name text COLLATE "C",
    scope text COLLATE "C" NOT NULL DEFAULT 'write' CHECK (scope IN ('read', 'write')),
    -- Id of the only project it may touch. No reference: were it set to NULL with its project's
    -- deletion, the key would suddenly open everything.
    project text COLLATE "C",
    last_used text COLLATE "C"
);

-- `number` is the order of creation here and below; `details` holds what registration sent and no
-- query needs, as JSON text, since jsonb would reorder it.
CREATE TABLE projects (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    name text COLLATE "C" NOT NULL UNIQUE,
    created text COLLATE "C" NOT NULL,
    details text COLLATE "C" NOT NULL DEFAULT '{}'
);

CREATE TABLE experiments (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    project bigint NOT NULL REFERENCES projects,
    name text COLLATE "C" NOT NULL,
    created text COLLATE "C" NOT NULL,
    commit_hash text COLLATE "C",
    base_id text COLLATE "C",
    details text COLLATE "C" NOT NULL,
    -- What a client called its registration, so that one repeated after a lost answer makes nothing
    -- new.
    registration text COLLATE "C",
    UNIQUE (project, name)
);

CREATE UNIQUE INDEX experiments_by_registration ON experiments (project, registration)
    WHERE registration IS NOT NULL;
CREATE INDEX experiments_by_base ON experiments (base_id);

CREATE TABLE datasets (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    project bigint NOT NULL REFERENCES projects,
    name text COLLATE "C" NOT NULL,
    created text COLLATE "C" NOT NULL,
    details text COLLATE "C" NOT NULL,
    UNIQUE (project, name)
);

CREATE TABLE dataset_snapshots (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    dataset bigint NOT NULL REFERENCES datasets ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    xact bigint NOT NULL,
    created text COLLATE "C" NOT NULL,
    UNIQUE (dataset, name)
);

CREATE TABLE dataset_environments (
    id text COLLATE "C" PRIMARY KEY,
    dataset bigint NOT NULL REFERENCES datasets ON DELETE CASCADE,
    environment text COLLATE "C" NOT NULL,
    xact bigint NOT NULL,
    created text COLLATE "C" NOT NULL,
    UNIQUE (dataset, environment)
);

CREATE TABLE functions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    project bigint NOT NULL REFERENCES projects,
    slug text COLLATE "C" NOT NULL,
    created text COLLATE "C" NOT NULL,
    UNIQUE (project, slug)
);

CREATE TABLE function_versions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    function bigint NOT NULL REFERENCES functions ON DELETE CASCADE,
    xact bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    function_type text COLLATE "C",
    bundle text COLLATE "C",
    document bytea NOT NULL,
    UNIQUE (function, xact)
);

CREATE INDEX function_versions_by_bundle ON function_versions (bundle) WHERE bundle IS NOT NULL;

CREATE TABLE function_environments (
    id text COLLATE "C" PRIMARY KEY,
    function bigint NOT NULL REFERENCES functions ON DELETE CASCADE,
    environment text COLLATE "C" NOT NULL,
    xact bigint NOT NULL,
    created text COLLATE "C" NOT NULL,
    UNIQUE (function, environment)
);

-- As in the SQLite store; the bytes are files or objects elsewhere.
CREATE TABLE blobs (
    key text COLLATE "C" PRIMARY KEY,
    purpose text COLLATE "C" NOT NULL,
    project text COLLATE "C",
    maker text COLLATE "C",
    filename text COLLATE "C" NOT NULL,
    content_type text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    error text COLLATE "C",
    file text COLLATE "C",
    bytes bigint,
    xact bigint,
    created_us bigint NOT NULL,
    experiment text COLLATE "C"
);

CREATE INDEX blobs_by_file ON blobs (file);
CREATE INDEX blobs_by_purpose ON blobs (purpose, created_us);
CREATE UNIQUE INDEX blobs_by_experiment ON blobs (experiment) WHERE experiment IS NOT NULL;

CREATE TABLE objects (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    -- Set when the object is deleted: its rows go in steps, and its id stands for a new object.
    deleted boolean NOT NULL DEFAULT false
);

CREATE UNIQUE INDEX objects_by_id ON objects (kind, id) WHERE NOT deleted;
CREATE INDEX objects_deleted ON objects (number) WHERE deleted;

-- Transaction ids and numbers of rows; the first is set by next_xacts() alone.
CREATE SEQUENCE xacts;
CREATE SEQUENCE row_numbers;

-- Takes `count` transaction ids, none before `lowest`, and returns the first. They increase over all
-- sessions, committed or not: a sequence is outside of transactions, and the lock makes the look at
-- it and the change one step.
CREATE FUNCTION next_xacts(count bigint, lowest bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
BEGIN
    PERFORM pg_advisory_lock(7164775560000000001);
    SELECT greatest(last_value + 1, lowest) INTO first FROM xacts;
    PERFORM setval('xacts', first + count - 1);
    PERFORM pg_advisory_unlock(7164775560000000001);
    RETURN first;
END $$;

-- `row_id` and `trace` start with a byte that says what follows: `u` and the 16 bytes of a UUID (or
-- of 32 hex digits), `t` and a text. `trace` is the row's `root_span_id`, or its own id without one.
-- `document` is JSON text, which starts with `{`, or a zstd frame of it.
CREATE TABLE rows (
    object bigint NOT NULL,
    row_id bytea NOT NULL,
    number bigint NOT NULL,
    xact bigint NOT NULL,
    created_us bigint NOT NULL,
    is_root boolean NOT NULL,
    trace bytea NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (object, row_id)
) PARTITION BY HASH (object);

CREATE INDEX rows_by_number ON rows (number);
CREATE INDEX rows_by_trace ON rows (object, trace);

-- Earlier states of rows of datasets: each from `xact` until `until`, not included.
CREATE TABLE row_versions (
    object bigint NOT NULL,
    row_id bytea NOT NULL,
    number bigint NOT NULL,
    xact bigint NOT NULL,
    until bigint NOT NULL,
    created_us bigint NOT NULL,
    is_root boolean NOT NULL,
    trace bytea NOT NULL,
    document bytea NOT NULL,
    PRIMARY KEY (object, row_id, xact)
) PARTITION BY HASH (object);

CREATE INDEX row_versions_by_number ON row_versions (number);

-- Work for the index: what commits touched. Whoever has indexed an entry deletes it, under the lock
-- of its object, in the transaction that changes the index. Order does not matter, since all is
-- derived from what rows are then.
CREATE TABLE changes (
    object bigint NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    rows integer NOT NULL,
    -- Traces with rows that were made, changed or removed.
    traces bytea[] NOT NULL,
    -- Numbers of rows that were made or changed, and of those that are gone.
    numbers bigint[] NOT NULL,
    gone bigint[] NOT NULL,
    -- Numbers of earlier states that were kept.
    earlier bigint[] NOT NULL,
    PRIMARY KEY (object, number)
)
-- Rows come and go here all the time: what is gone must not be read over and over.
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- The index: derived from rows. Whoever changes an object's part holds its lock.

-- One row: what the index holds, by the number of its layout. A collector that knows a higher one
-- throws it away and has it made again.
CREATE TABLE index_state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    layout integer NOT NULL
);

INSERT INTO index_state (layout) VALUES (1);

CREATE TABLE tallies (
    object bigint PRIMARY KEY,
    traces bigint NOT NULL DEFAULT 0,
    -- Traces with a root.
    cases bigint NOT NULL DEFAULT 0,
    rows bigint NOT NULL DEFAULT 0,
    -- Cases with an error in any span.
    errors bigint NOT NULL DEFAULT 0,
    -- The newest transaction seen.
    xact bigint NOT NULL DEFAULT 0,
    -- Raised whenever anything of the object changes.
    version bigint NOT NULL DEFAULT 0
)
-- Changed with every step: new states go beside the old ones.
WITH (fillfactor = 50);

-- Cases, and those with an error, by the minute of their creation (minutes since 1970), so that a
-- histogram over months does not read every trace.
CREATE TABLE minutes (
    object bigint NOT NULL,
    minute bigint NOT NULL,
    cases bigint NOT NULL,
    errors bigint NOT NULL,
    PRIMARY KEY (object, minute)
)
WITH (fillfactor = 70);

CREATE TABLE traces (
    object bigint NOT NULL,
    trace bytea NOT NULL,
    created_us bigint NOT NULL,
    -- rows.number of the root span, NULL while there is none.
    root bigint,
    rows bigint NOT NULL,
    spans bigint NOT NULL,
    failed boolean NOT NULL,
    -- First half of the SHA-256 of the case key.
    input_hash bytea,
    -- By name; NULL while there is no root. What jsonb cannot hold is written otherwise: see
    -- `index/figures.rs`.
    scores jsonb,
    metrics jsonb,
    -- If the root has any: `s` and a text, or `j` and other JSON.
    tags text[] COLLATE "C",
    PRIMARY KEY (object, trace)
) PARTITION BY HASH (object);

CREATE INDEX traces_by_time ON traces (object, created_us, trace);

-- Words of rows, in lower case, without places, and one that stands for the object.
CREATE TABLE row_words (
    object bigint NOT NULL,
    number bigint NOT NULL,
    words tsvector NOT NULL,
    PRIMARY KEY (object, number)
) PARTITION BY HASH (object);

CREATE INDEX row_words_by_word ON row_words USING gin (words);
-- For words that are nearly everywhere: the newest rows first.
CREATE INDEX row_words_by_number ON row_words (number);

-- Attachments that rows name, by key; `number` is that of a row, or of an earlier state.
CREATE TABLE attachments (
    key text COLLATE "C" NOT NULL,
    object bigint NOT NULL,
    earlier boolean NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (key, object, earlier, number)
);

CREATE INDEX attachments_by_row ON attachments (object, earlier, number);

-- Estimates of an object's scores and metrics as JSON, as of `version` of the object.
CREATE TABLE summaries (
    object bigint PRIMARY KEY,
    version bigint NOT NULL,
    body text COLLATE "C" NOT NULL
);

-- A store in SQLite that is moved here, by the id of its organisation, and how far that is.
CREATE TABLE imports (
    source text COLLATE "C" PRIMARY KEY,
    -- Numbers of the last row and the last earlier state that are here.
    rows_through bigint NOT NULL,
    versions_through bigint NOT NULL,
    finished boolean NOT NULL
);

-- Eight parts: autovacuum and checkpoints work on them one by one, and a part can be moved to
-- another tablespace.
DO $$
BEGIN
    FOR part IN 0..7 LOOP
        EXECUTE format('CREATE TABLE rows_%s PARTITION OF rows FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
        EXECUTE format('CREATE TABLE row_versions_%s PARTITION OF row_versions FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
        EXECUTE format('CREATE TABLE traces_%s PARTITION OF traces FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
        EXECUTE format('CREATE TABLE row_words_%s PARTITION OF row_words FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part);
        -- Long documents come packed.
        EXECUTE format('ALTER TABLE rows_%s ALTER COLUMN document SET STORAGE EXTERNAL', part);
        EXECUTE format('ALTER TABLE row_versions_%s ALTER COLUMN document SET STORAGE EXTERNAL', part);
    END LOOP;
END $$;
