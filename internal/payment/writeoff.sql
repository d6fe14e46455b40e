-- name: InsertWriteOff :exec
INSERT INTO write_offs (id, organization_id, invoice_id, amount, reason, state, proposed_by, proposed_at) VALUES ($1, $2, $3, $4, $5, 'proposed', $6, $7);

-- name: LockWriteOff :one
SELECT w.id, w.organization_id, w.invoice_id, w.amount, w.state, w.proposed_by, i.currency, i.number,
	coalesce((SELECT sum(r.amount) FROM write_off_recoveries r WHERE r.write_off_id = w.id), 0)::numeric AS recovered
FROM write_offs w JOIN invoices i ON i.id = w.invoice_id WHERE w.id = $1 FOR UPDATE OF w;

-- name: DecideWriteOff :exec
UPDATE write_offs SET state = sqlc.arg(state), decided_by = sqlc.arg(by), decided_at = sqlc.arg(at)::timestamptz WHERE id = $1;

-- name: ReverseWriteOff :exec
UPDATE write_offs SET state = 'reversed', reversed_by = sqlc.arg(by), reversed_reason = sqlc.arg(reason), reversed_at = sqlc.arg(at)::timestamptz WHERE id = $1;

-- name: WriteOffs :many
-- The newest first; those to decide on before the others. A page begins after one, and
-- where that had been decided on when it was listed, among the others.
SELECT w.id, o.name AS organization, i.number, i.currency, w.amount, w.reason, w.state, w.proposed_by, w.proposed_at, w.decided_by, w.decided_at, w.reversed_by, w.reversed_reason, w.reversed_at,
	coalesce((SELECT sum(r.amount) FROM write_off_recoveries r WHERE r.write_off_id = w.id), 0)::numeric AS recovered
FROM write_offs w JOIN invoices i ON i.id = w.invoice_id JOIN organizations o ON o.id = w.organization_id
WHERE (sqlc.narg(id)::uuid IS NULL OR w.id = sqlc.narg(id)::uuid)
	AND (sqlc.narg(after)::uuid IS NULL OR (w.state <> 'proposed') > sqlc.arg(after_decided)::bool OR (w.state <> 'proposed') = sqlc.arg(after_decided)::bool
		AND (w.proposed_at, w.id) < (SELECT a.proposed_at, a.id FROM write_offs a WHERE a.id = sqlc.narg(after)::uuid))
ORDER BY w.state <> 'proposed', w.proposed_at DESC, w.id DESC LIMIT sqlc.arg('limit')::int;

-- name: OpenOf :one
SELECT (payable - paid - credited - written_off)::numeric AS open FROM invoice_balances WHERE invoice_id = $1;

-- name: WrittenOff :many
-- An organization's write-offs in force, and what their invoices have open beside them.
SELECT w.id, w.invoice_id, b.currency, w.amount, (w.amount - b.written_off)::numeric AS recovered, (b.payable - b.paid - b.credited - b.written_off)::numeric AS open
FROM write_offs w JOIN invoice_balances b ON b.invoice_id = w.invoice_id WHERE w.organization_id = $1 AND w.state = 'approved' ORDER BY w.id;

-- name: InsertRecovery :exec
INSERT INTO write_off_recoveries (id, write_off_id, organization_id, invoice_id, amount, recorded_at) VALUES ($1, $2, $3, $4, $5, $6);
