-- Prompts, parameters, tools, scorers: what Braintrust calls functions. `slug` is that of the newest
-- version, so that it is found and kept unique.
CREATE TABLE functions (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    project INTEGER NOT NULL REFERENCES projects,
    slug TEXT NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (project, slug)
);

-- Every write of a function, whole. `document` lies here as in `rows`; the columns beside it repeat
-- what lists are filtered by.
CREATE TABLE function_versions (
    number INTEGER PRIMARY KEY,
    function INTEGER NOT NULL REFERENCES functions ON DELETE CASCADE,
    xact INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- The type of `function_data`: `prompt`, `parameters`, `code`.
    kind TEXT NOT NULL,
    -- `tool`, `scorer` and so on.
    function_type TEXT,
    -- Key of the upload that holds the code.
    bundle TEXT,
    document NOT NULL,
    UNIQUE (function, xact)
);

CREATE INDEX function_versions_by_bundle ON function_versions (bundle) WHERE bundle IS NOT NULL;

-- The version that an environment (`production`) is to use.
CREATE TABLE function_environments (
    id TEXT PRIMARY KEY,
    function INTEGER NOT NULL REFERENCES functions ON DELETE CASCADE,
    environment TEXT NOT NULL,
    xact INTEGER NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (function, environment)
);
