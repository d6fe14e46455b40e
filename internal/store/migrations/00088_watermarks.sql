-- Runs at a watermark read links that were superseded or closed since: the indexes by
-- which a period is found cover them too.

-- +goose Up

CREATE INDEX segments_in_period ON segments USING gist (organization_id, tstzrange(from_at, to_at, '[)'));
CREATE INDEX backup_segments_in_period ON backup_segments USING gist (organization_id, tstzrange(from_at, to_at, '[)'));
DROP INDEX segments_period, backup_segments_period;

-- What was still open at a watermark, though it has ended since.
CREATE INDEX segments_ended ON segments (organization_id, to_recorded_at);
CREATE INDEX backup_segments_ended ON backup_segments (organization_id, to_recorded_at);
