-- +goose Up

-- From which version of the engine to which a conformance run took an instance, of the
-- capability maintenance; '': it did not.
ALTER TABLE conformance_proofs ADD COLUMN upgraded text NOT NULL DEFAULT '';
