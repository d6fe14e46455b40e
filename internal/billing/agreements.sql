-- name: AgreementsKnown :many
-- The agreements of an organization as they were known at a watermark, that can hold
-- within days [from, to). One that has no end has the day ''.
SELECT a.id, a.name, a.kind, a.percent, a.amount, a.tiers, a.currency, a.service, a.plan, a.item, a.from_day::text AS from_day, coalesce(least(a.to_day, e.to_day)::text, '')::text AS to_day, a.recorded_at
FROM agreements a
LEFT JOIN LATERAL (SELECT min(n.to_day) AS to_day FROM agreement_ends n WHERE n.agreement_id = a.id AND n.recorded_at <= sqlc.arg(watermark)::timestamptz) e ON true
WHERE a.organization_id = $1 AND a.recorded_at <= sqlc.arg(watermark)::timestamptz
	AND a.from_day < sqlc.arg(until_day)::text::date AND coalesce(least(a.to_day, e.to_day) > sqlc.arg(since_day)::text::date, true)
ORDER BY a.recorded_at, a.id;

-- name: AgreementsChanged :one
-- From which day on an organization's agreements were known otherwise at a watermark than at
-- one before it; '': they were not.
SELECT coalesce(least(
	(SELECT min(a.from_day) FROM agreements a WHERE a.organization_id = $1 AND a.recorded_at > sqlc.arg(before)::timestamptz AND a.recorded_at <= sqlc.arg(watermark)::timestamptz),
	(SELECT min(e.to_day) FROM agreement_ends e WHERE e.organization_id = $1 AND e.recorded_at > sqlc.arg(before)::timestamptz AND e.recorded_at <= sqlc.arg(watermark)::timestamptz)
)::text, '')::text AS day;
