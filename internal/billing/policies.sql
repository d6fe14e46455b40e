-- name: RevisionsOfLists :many
-- All revisions of the lists that some revisions are of, as they were known at a watermark.
SELECT r.id, r.price_list_id, r.revision, r.policy, r.published_at FROM price_list_revisions r
WHERE r.price_list_id IN (SELECT n.price_list_id FROM price_list_revisions n WHERE n.id = ANY(sqlc.arg(revisions)::uuid[])) AND r.published_at <= sqlc.arg(watermark)::timestamptz
ORDER BY r.price_list_id, r.revision;
