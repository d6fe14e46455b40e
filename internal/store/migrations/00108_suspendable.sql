-- Whether a budget may suspend an instance.

-- +goose Up
ALTER TABLE instances ADD COLUMN suspendable boolean NOT NULL DEFAULT false;
CREATE INDEX instances_suspendable ON instances (organization_id) WHERE suspendable;
