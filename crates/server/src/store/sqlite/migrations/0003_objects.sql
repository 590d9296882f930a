-- What registration and PATCH set and no query needs, as for experiments.
ALTER TABLE projects ADD COLUMN details TEXT NOT NULL DEFAULT '{}';

CREATE TABLE datasets (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project INTEGER NOT NULL REFERENCES projects,
    name TEXT NOT NULL,
    created TEXT NOT NULL,
    details TEXT NOT NULL,
    UNIQUE (project, name)
);

-- Names for versions of a dataset.
CREATE TABLE dataset_snapshots (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    dataset INTEGER NOT NULL REFERENCES datasets,
    name TEXT NOT NULL,
    description TEXT,
    xact INTEGER NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (dataset, name)
);

-- The version of a dataset that an environment (`production`) is to use.
CREATE TABLE dataset_environments (
    id TEXT PRIMARY KEY,
    dataset INTEGER NOT NULL REFERENCES datasets,
    environment TEXT NOT NULL,
    xact INTEGER NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (dataset, environment)
);

-- What is uploaded outside rows. A complete upload lies in `blobs/<first two digits>/<file>`; a file
-- that no row names is garbage once it is a few hours old.
CREATE TABLE blobs (
    key TEXT PRIMARY KEY,
    -- `attachment`, or `overflow` for rows too large for a request body.
    purpose TEXT NOT NULL,
    -- Id of the project that the maker's key was limited to; NULL if it was not.
    project TEXT,
    -- Id of the maker's key, which alone may use an overflow; NULL where none is needed.
    maker TEXT,
    filename TEXT NOT NULL,
    content_type TEXT NOT NULL,
    -- `uploading`, `done` or `error`.
    status TEXT NOT NULL,
    error TEXT,
    -- 64 hex digits; NULL until the upload is complete. For attachments the hash of the bytes, so
    -- that those with the same bytes share a file.
    file TEXT,
    bytes INTEGER,
    -- The transaction that took the rows of an overflow in; its file is gone then.
    xact INTEGER,
    created_us INTEGER NOT NULL
);

CREATE INDEX blobs_by_file ON blobs (file);
CREATE INDEX blobs_by_purpose ON blobs (purpose, created_us);

-- Signs the URLs of uploads and downloads.
ALTER TABLE store ADD COLUMN signing_secret BLOB;

-- What a client called its registration, so that one repeated after a lost answer makes nothing new.
ALTER TABLE experiments ADD COLUMN registration TEXT;

CREATE UNIQUE INDEX experiments_by_registration ON experiments (project, registration)
    WHERE registration IS NOT NULL;

-- For the search of what pointed at a deleted experiment.
CREATE INDEX experiments_by_base ON experiments (base_id);
