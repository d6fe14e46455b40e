-- name: TieSession :exec
-- The session ends with that generation of the organization's connection.
UPDATE sessions SET sso_generation = $2 WHERE id = $1;

-- name: InheritSSO :exec
-- A device's session ends with what the session that approved it ends with.
UPDATE sessions SET sso_generation = (SELECT s.sso_generation FROM sessions s WHERE s.id = sqlc.arg(approver)::uuid) WHERE sessions.id = $1;

-- name: MemberBySSO :one
SELECT id, role, by_sso FROM members WHERE organization_id = $1 AND account_id = $2 AND project_id IS NULL;

-- name: InsertMemberBySSO :exec
INSERT INTO members (id, organization_id, account_id, role, created_at, by_sso) VALUES ($1, $2, $3, $4, $5, true);

-- name: SetRoleBySSO :exec
UPDATE members SET role = $2 WHERE id = $1;

-- name: IsMember :one
SELECT EXISTS (SELECT 1 FROM members WHERE organization_id = $1 AND account_id = $2)::boolean AS member;

-- name: SessionIsBySSO :one
SELECT (sso_generation IS NOT NULL)::boolean AS by_sso FROM sessions WHERE id = $1;

-- name: PasswordRefusedBy :one
-- The organization that wants the person to come by single sign-on only, where a
-- password would open no other. Its owners can always use one.
SELECT o.name FROM accounts a
JOIN sso_domains d ON d.domain = lower(split_part(a.email, '@', 2)) AND d.proven_at IS NOT NULL
JOIN sso_connections c ON c.organization_id = d.organization_id AND c.enabled AND NOT c.passwords_allowed
JOIN organizations o ON o.id = c.organization_id
WHERE a.id = $1
	AND EXISTS (SELECT 1 FROM members m WHERE m.organization_id = o.id AND m.account_id = a.id)
	AND NOT EXISTS (SELECT 1 FROM members m WHERE m.organization_id = o.id AND m.account_id = a.id AND m.role = 'owner')
	AND NOT EXISTS (SELECT 1 FROM members m WHERE m.organization_id <> o.id AND m.account_id = a.id);
