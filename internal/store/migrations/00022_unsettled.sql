-- The operator looks for instances that are not where they should be, among all
-- that are.

-- +goose Up

CREATE INDEX instances_unsettled ON instances (last_command_at, id)
	WHERE phase <> 'Purged' AND (phase NOT IN ('Ready', 'Suspended', 'Deleted') OR observed_generation < generation);
