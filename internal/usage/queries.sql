-- name: Subjects :many
-- The instances of the organization's own services among the given, locked.
SELECT i.id, i.organization_id, i.service, i.package_revision_id, i.created_at, i.purged_at
FROM instances i JOIN services s ON s.name = i.service JOIN providers p ON p.id = s.provider_id
WHERE i.id = ANY(sqlc.arg(ids)::uuid[]) AND p.organization_id = sqlc.arg(provider)
ORDER BY i.id FOR NO KEY UPDATE OF i;

-- name: InsertEvents :many
-- Those that were not there yet.
INSERT INTO usage_events (sender_id, source, event_id, digest, organization_id, instance_id, meter, from_at, to_at, quantity, complete, recorded_at)
SELECT sqlc.arg(sender_id)::uuid, e.source, e.event_id, e.digest, e.organization_id, e.instance_id, e.meter, e.from_at, e.to_at, nullif(e.quantity, -1), e.complete, sqlc.arg(recorded_at)::timestamptz
FROM (SELECT unnest(sqlc.arg(sources)::text[]) AS source, unnest(sqlc.arg(event_ids)::text[]) AS event_id, unnest(sqlc.arg(digests)::bytea[]) AS digest,
	unnest(sqlc.arg(organizations)::uuid[]) AS organization_id, unnest(sqlc.arg(instances)::uuid[]) AS instance_id, unnest(sqlc.arg(meters)::text[]) AS meter,
	unnest(sqlc.arg(from_ats)::timestamptz[]) AS from_at, unnest(sqlc.arg(to_ats)::timestamptz[]) AS to_at,
	unnest(sqlc.arg(quantities)::bigint[]) AS quantity, unnest(sqlc.arg(completes)::boolean[]) AS complete) e
ON CONFLICT (sender_id, source, event_id) DO NOTHING
RETURNING source, event_id;

-- name: Digests :many
SELECT e.source, e.event_id, e.digest
FROM (SELECT unnest(sqlc.arg(sources)::text[]) AS source, unnest(sqlc.arg(event_ids)::text[]) AS event_id) g
JOIN usage_events e ON e.sender_id = sqlc.arg(sender_id)::uuid AND e.source = g.source AND e.event_id = g.event_id;

-- name: AddToWindows :exec
-- Supersedes the hours by what they come to with what is new.
WITH given AS (
	SELECT unnest(sqlc.arg(organizations)::uuid[]) AS organization_id, unnest(sqlc.arg(instances)::uuid[]) AS instance_id, unnest(sqlc.arg(meters)::text[]) AS meter,
		unnest(sqlc.arg(hours)::timestamptz[]) AS hour, unnest(sqlc.arg(quantities)::bigint[]) AS quantity, unnest(sqlc.arg(events)::bigint[]) AS events, unnest(sqlc.arg(maxima)::boolean[]) AS maximum
), old AS (
	UPDATE usage_windows w SET superseded_at = greatest(w.recorded_at, sqlc.arg(recorded_at)::timestamptz)
	FROM given g WHERE w.instance_id = g.instance_id AND w.meter = g.meter AND w.hour = g.hour AND w.superseded_at IS NULL
	RETURNING w.instance_id, w.meter, w.hour, w.quantity, w.events, w.superseded_at
)
INSERT INTO usage_windows (organization_id, instance_id, meter, hour, quantity, events, recorded_at)
SELECT g.organization_id, g.instance_id, g.meter, g.hour,
	CASE WHEN g.maximum THEN greatest(g.quantity, old.quantity) ELSE g.quantity + coalesce(old.quantity, 0) END,
	g.events + coalesce(old.events, 0), coalesce(old.superseded_at, sqlc.arg(recorded_at)::timestamptz)
FROM given g LEFT JOIN old USING (instance_id, meter, hour);

-- name: InsertMarks :exec
INSERT INTO usage_marks (organization_id, instance_id, meter, from_at, to_at, recorded_at)
SELECT m.organization_id, m.instance_id, m.meter, m.from_at, m.to_at, sqlc.arg(recorded_at)::timestamptz
FROM (SELECT unnest(sqlc.arg(organizations)::uuid[]) AS organization_id, unnest(sqlc.arg(instances)::uuid[]) AS instance_id, unnest(sqlc.arg(meters)::text[]) AS meter,
	unnest(sqlc.arg(from_ats)::timestamptz[]) AS from_at, unnest(sqlc.arg(to_ats)::timestamptz[]) AS to_at) m;

-- name: MarkedWithin :one
-- Whether something of a time is said to be complete.
SELECT EXISTS (SELECT FROM usage_marks WHERE organization_id = $1 AND instance_id = $2 AND meter = $3 AND to_at > sqlc.arg(from_at)::timestamptz AND from_at < sqlc.arg(to_at)::timestamptz);

-- name: Windows :many
-- The hours of an instance in a time, as they are known.
SELECT meter, hour, quantity, events FROM usage_windows
WHERE organization_id = $1 AND instance_id = $2 AND superseded_at IS NULL AND hour >= sqlc.arg(from_at)::timestamptz AND hour < sqlc.arg(to_at)::timestamptz
ORDER BY meter, hour;

-- name: Subject :one
SELECT i.package_revision_id, o.time_zone FROM instances i JOIN organizations o ON o.id = i.organization_id WHERE i.organization_id = $1 AND i.id = sqlc.arg(instance_id);

-- name: Service :many
-- When the instance was there to be used, as it is known.
SELECT from_at, least(coalesce(to_at, sqlc.arg(until)::timestamptz), sqlc.arg(until)::timestamptz)::timestamptz AS to_at FROM segments
WHERE organization_id = $1 AND instance_id = $2 AND superseded_at IS NULL AND compute_billed AND from_at < sqlc.arg(until)::timestamptz AND (to_at IS NULL OR to_at > sqlc.arg(from_at)::timestamptz)
ORDER BY from_at;

-- name: Marks :many
SELECT meter, from_at, to_at FROM usage_marks
WHERE organization_id = $1 AND instance_id = $2 AND to_at > sqlc.arg(from_at)::timestamptz AND from_at < sqlc.arg(until)::timestamptz
ORDER BY meter, from_at, ordinal;

-- name: EventsOfHour :many
-- The events that an hour is made of, as it was known at a watermark, in the order in
-- which they came; of an instance that has been in the project, if one is given.
SELECT e.source, e.event_id, e.meter, e.from_at, e.to_at, e.quantity::bigint AS quantity, e.recorded_at FROM usage_events e
WHERE e.organization_id = $1 AND e.instance_id = sqlc.arg(instance_id) AND e.meter = sqlc.arg(meter)
	AND e.from_at >= sqlc.arg(hour)::timestamptz AND e.from_at < sqlc.arg(hour)::timestamptz + interval '1 hour'
	AND e.quantity IS NOT NULL AND e.recorded_at <= sqlc.arg(watermark)::timestamptz
	AND (sqlc.narg(project_id)::uuid IS NULL OR EXISTS (SELECT FROM segments s WHERE s.instance_id = e.instance_id AND s.project_id = sqlc.narg(project_id)))
ORDER BY e.recorded_at, e.source, e.event_id LIMIT sqlc.arg(most)::int OFFSET sqlc.arg(skipped)::int;
