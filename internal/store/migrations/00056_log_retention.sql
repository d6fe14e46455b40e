-- For how many days instances' logs are kept.

-- +goose Up
ALTER TABLE instances ADD COLUMN log_days integer NOT NULL DEFAULT 7 CHECK (log_days BETWEEN 1 AND 90);
