-- Runs are taken up by their state: those of the others are not looked at.

-- +goose Up

CREATE INDEX invoice_runs_at ON invoice_runs (state, next_at, id) WHERE next_at IS NOT NULL;
DROP INDEX invoice_runs_due;
