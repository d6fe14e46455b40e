-- An audit reads the links that were superseded too: the index over an instance's
-- chain covers them as well.

-- +goose Up

CREATE INDEX segments_of_instance ON segments (instance_id, from_at);
DROP INDEX segments_chain;
