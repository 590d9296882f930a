-- One row: how far the index is.
CREATE TABLE index_state (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    -- Entry of the journal up to which all is indexed.
    journal INTEGER NOT NULL,
    -- While all rows are read for the first time: the last one read. NULL afterwards.
    scanned INTEGER,
    -- The last row of row_versions that was read, and its `until`.
    earlier INTEGER NOT NULL DEFAULT 0,
    earlier_until INTEGER NOT NULL DEFAULT 0,
    -- The organisation's id, which tells a database from another one.
    store TEXT NOT NULL
);

-- `number` is objects.number of the database, as is `object` everywhere here. No table has the name
-- of one of the database, to which this one is attached when it is read.
CREATE TABLE tallies (
    number INTEGER PRIMARY KEY,
    -- Entry of the journal up to which this object is indexed, where it is ahead of the others.
    through INTEGER,
    traces INTEGER NOT NULL DEFAULT 0,
    -- Traces with a root.
    cases INTEGER NOT NULL DEFAULT 0,
    rows INTEGER NOT NULL DEFAULT 0,
    -- Cases with an error in any span.
    errors INTEGER NOT NULL DEFAULT 0,
    -- The newest transaction seen.
    xact INTEGER NOT NULL DEFAULT 0,
    -- Raised whenever anything of the object changes.
    version INTEGER NOT NULL DEFAULT 0
);

-- `trace` is 16 bytes or text. `root` is rows.number of the root span, NULL while there is none.
-- `figures` are scores and metrics: (figure_names.number as u32, value as f64), little endian, repeated.
CREATE TABLE traces (
    object INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    trace NOT NULL,
    root INTEGER,
    rows INTEGER NOT NULL,
    spans INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    -- First half of the SHA-256 of the case key.
    input_hash BLOB,
    figures BLOB NOT NULL,
    -- A JSON list, if the root has any.
    tags TEXT,
    PRIMARY KEY (object, created_us, trace)
) WITHOUT ROWID;

CREATE UNIQUE INDEX traces_by_key ON traces (object, trace);

-- Cases, and those with an error, by the minute of their creation (minutes since 1970), so that a
-- histogram over months does not read every trace.
CREATE TABLE minutes (
    object INTEGER NOT NULL,
    minute INTEGER NOT NULL,
    cases INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    PRIMARY KEY (object, minute)
) WITHOUT ROWID;

-- Traces that a row was part of by its id: the journal cannot say which, as the id is gone when the
-- row is. There may be some of before, when the number was another row's.
CREATE TABLE untraced (
    number INTEGER NOT NULL,
    object INTEGER NOT NULL,
    trace NOT NULL,
    PRIMARY KEY (number, object, trace)
) WITHOUT ROWID;

-- Attachments that rows name, by key. `number` is rows.number, or row_versions.number where `earlier`.
CREATE TABLE attachments (
    key TEXT NOT NULL,
    earlier INTEGER NOT NULL,
    number INTEGER NOT NULL,
    object INTEGER NOT NULL,
    PRIMARY KEY (key, earlier, number)
) WITHOUT ROWID;

CREATE INDEX attachments_by_row ON attachments (earlier, number);
CREATE INDEX attachments_by_object ON attachments (object);

-- Names of scores (kind 0) and metrics (kind 1).
CREATE TABLE figure_names (
    number INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (kind, name)
);

-- Estimates of an object's scores and metrics as JSON, as of `version` of the object.
CREATE TABLE summaries (
    object INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL
);

-- `rowid` is rows.number. No positions and no text, which the rows have: half the size and time.
-- Words come split and in lower case, so the simplest tokenizer does.
CREATE VIRTUAL TABLE words USING fts5 (
    body, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
