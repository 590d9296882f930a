-- The profile of a run, kept with its experiment (`purpose` is `profile` then): one at most. No
-- reference: what is left of a deleted experiment is removed with it.
ALTER TABLE blobs ADD COLUMN experiment TEXT;

CREATE UNIQUE INDEX blobs_by_experiment ON blobs (experiment) WHERE experiment IS NOT NULL;
