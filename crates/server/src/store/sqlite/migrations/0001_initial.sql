CREATE TABLE schema_version (
    version INTEGER PRIMARY KEY,
    applied TEXT NOT NULL
);

-- One row: facts of the whole store.
CREATE TABLE store (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    org_id TEXT NOT NULL,
    org_name TEXT NOT NULL,
    -- Kept apart from the rows: the newest transaction may have deleted its last row.
    last_xact INTEGER NOT NULL
);

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    created TEXT NOT NULL,
    revoked TEXT
);

CREATE TABLE projects (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    created TEXT NOT NULL
);

-- `number` is the order of creation; `details` holds what registration sent and no query needs.
CREATE TABLE experiments (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project INTEGER NOT NULL REFERENCES projects,
    name TEXT NOT NULL,
    created TEXT NOT NULL,
    commit_hash TEXT,
    base_id TEXT,
    details TEXT NOT NULL,
    UNIQUE (project, name)
);

CREATE TABLE objects (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    UNIQUE (kind, id)
);

-- A rowid table, so that documents are not moved when the index splits. `row_id` is a BLOB of 16
-- bytes for a UUID and TEXT for anything else; `root_span_id` likewise for 32 hex digits.
CREATE TABLE rows (
    number INTEGER PRIMARY KEY,
    object INTEGER NOT NULL REFERENCES objects,
    row_id NOT NULL,
    xact INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    is_root INTEGER NOT NULL,
    root_span_id,
    document TEXT NOT NULL,
    UNIQUE (object, row_id)
);

CREATE INDEX rows_by_trace ON rows (object, root_span_id);
CREATE INDEX roots ON rows (object) WHERE is_root;
