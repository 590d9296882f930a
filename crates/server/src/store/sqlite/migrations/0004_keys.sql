-- `project` is the id of the only project a key may touch, NULL for all of them. No reference: were
-- it set to NULL with its project's deletion, the key would suddenly open everything.
ALTER TABLE api_keys ADD COLUMN name TEXT;
ALTER TABLE api_keys ADD COLUMN scope TEXT NOT NULL DEFAULT 'write'
    CHECK (scope IN ('read', 'write'));
ALTER TABLE api_keys ADD COLUMN project TEXT;
ALTER TABLE api_keys ADD COLUMN last_used TEXT;
