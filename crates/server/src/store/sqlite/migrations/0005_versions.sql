-- What rows of datasets were before they were replaced, merged into or deleted: one row for each
-- state, from its own transaction (`xact`) until the one that ended it (`until`, not included).
-- The other columns are those of `rows`.
CREATE TABLE row_versions (
    number INTEGER PRIMARY KEY,
    object INTEGER NOT NULL REFERENCES objects ON DELETE CASCADE,
    row_id NOT NULL,
    xact INTEGER NOT NULL,
    until INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    is_root INTEGER NOT NULL,
    root_span_id,
    document NOT NULL,
    UNIQUE (object, row_id, xact)
);
