-- What development catches of mails says which files came with them.

-- +goose Up
ALTER TABLE caught_mails ADD COLUMN attachments text[] NOT NULL DEFAULT '{}'; -- their names
