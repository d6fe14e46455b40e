-- The servers that an instance is made of, as its zone reports them.

-- +goose Up

ALTER TABLE instances ADD COLUMN members jsonb NOT NULL DEFAULT '[]';
