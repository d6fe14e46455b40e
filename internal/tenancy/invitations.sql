-- name: InsertInvitation :exec
INSERT INTO invitations (id, organization_id, project_id, email, role, token_hash, created_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: Invitations :many
-- Those that have neither been redeemed nor revoked.
SELECT i.id, i.email, i.role, i.created_by, i.created_at, i.expires_at, coalesce(p.name, '')::text AS project
FROM invitations i LEFT JOIN projects p ON p.id = i.project_id
WHERE i.organization_id = $1 AND i.id > sqlc.arg(after)::uuid AND i.redeemed_at IS NULL AND i.revoked_at IS NULL ORDER BY i.id LIMIT $2;

-- name: Invitation :one
SELECT i.id, i.email, i.role, i.created_by, i.created_at, i.expires_at, coalesce(p.name, '')::text AS project, i.redeemed_at, i.revoked_at
FROM invitations i LEFT JOIN projects p ON p.id = i.project_id
WHERE i.organization_id = $1 AND i.id = $2;

-- name: InvitationsSince :one
SELECT count(*) FROM invitations WHERE organization_id = $1 AND created_at > sqlc.arg(since)::timestamptz;

-- name: RevokeInvitation :execrows
UPDATE invitations SET revoked_at = sqlc.arg(revoked_at)::timestamptz WHERE id = $1 AND organization_id = $2 AND redeemed_at IS NULL AND revoked_at IS NULL;

-- name: RenewInvitation :execrows
-- Gives an open invitation another link; the one before is of no use then.
UPDATE invitations SET token_hash = $3, expires_at = $4 WHERE id = $1 AND organization_id = $2 AND redeemed_at IS NULL AND revoked_at IS NULL;

-- name: RevokeInvitationsBy :exec
UPDATE invitations SET revoked_at = sqlc.arg(revoked_at)::timestamptz WHERE organization_id = $1 AND lower(created_by) = lower(sqlc.arg(created_by)::text) AND redeemed_at IS NULL AND revoked_at IS NULL;

-- name: ReplaceInvitations :exec
-- Revokes those that are open for the same person and place.
UPDATE invitations SET revoked_at = sqlc.arg(revoked_at)::timestamptz
WHERE organization_id = $1 AND project_id IS NOT DISTINCT FROM sqlc.narg(project_id)::uuid AND lower(email) = lower(sqlc.arg(email)::text) AND redeemed_at IS NULL AND revoked_at IS NULL;

-- name: InvitationByToken :one
SELECT i.*, o.name AS organization, o.display_name, coalesce(p.name, '')::text AS project
FROM invitations i JOIN organizations o ON o.id = i.organization_id LEFT JOIN projects p ON p.id = i.project_id
WHERE i.token_hash = $1 FOR UPDATE OF i;

-- name: RedeemInvitation :exec
UPDATE invitations SET redeemed_at = sqlc.arg(redeemed_at)::timestamptz WHERE id = $1;

-- name: SweepInvitations :execrows
DELETE FROM invitations WHERE id IN (SELECT i.id FROM invitations i WHERE i.expires_at < sqlc.arg(before)::timestamptz LIMIT $1);

-- name: AccountLocale :one
SELECT locale FROM accounts WHERE id = $1;
