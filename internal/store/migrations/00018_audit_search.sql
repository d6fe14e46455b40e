-- The audit log is searched by who did something, by what was done, by what it was
-- done to, and by when: each finds its page on an index, newest first.

-- +goose Up

CREATE INDEX audit_events_by_actor ON audit_events (organization_id, actor, id DESC);
CREATE INDEX audit_events_by_action ON audit_events (organization_id, action, id DESC);
CREATE INDEX audit_events_by_object ON audit_events (organization_id, object_name, id DESC);
CREATE INDEX audit_events_by_object_id ON audit_events (organization_id, object_id, id DESC);
CREATE INDEX audit_events_by_time ON audit_events (organization_id, at);
