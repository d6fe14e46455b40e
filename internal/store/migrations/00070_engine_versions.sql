-- Which version of its engine an instance runs, and newer ones as maintenance.

-- +goose Up

ALTER TABLE instances ADD COLUMN engine_version text NOT NULL DEFAULT ''; -- '': not known

ALTER TABLE maintenances ADD COLUMN version text NOT NULL DEFAULT ''; -- restart: for this version of the engine; '': for something else
CREATE UNIQUE INDEX maintenances_version ON maintenances (instance_id) WHERE state = 'planned' AND version <> '';
