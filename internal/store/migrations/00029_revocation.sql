-- Why the operator has cut an agent off.

-- +goose Up

ALTER TABLE zone_agents ADD COLUMN revoked_reason text NOT NULL DEFAULT '';
