-- What was recorded between two watermarks is found by when that was: closing a month
-- rates again only those earlier ones that it touches.

-- +goose Up

CREATE INDEX segments_recorded ON segments (organization_id, recorded_at);
CREATE INDEX segments_superseded ON segments (organization_id, superseded_at) WHERE superseded_at IS NOT NULL;
CREATE INDEX backup_segments_recorded ON backup_segments (organization_id, recorded_at);
CREATE INDEX backup_segments_superseded ON backup_segments (organization_id, superseded_at) WHERE superseded_at IS NOT NULL;
CREATE INDEX usage_windows_recorded ON usage_windows (organization_id, recorded_at, hour);
