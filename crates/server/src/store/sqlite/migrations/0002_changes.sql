-- What each commit touched, for those that derive something from rows. Numbers never come again,
-- so that the place of a reader stays valid after it has deleted what it is done with.
CREATE TABLE changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    object INTEGER NOT NULL,
    xact INTEGER NOT NULL,
    rows BLOB NOT NULL,
    -- Bytes of this entry and all before it: two entries tell what lies between them.
    bytes_through INTEGER NOT NULL
);
