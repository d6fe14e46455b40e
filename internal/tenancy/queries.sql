-- name: Authenticate :many
-- Who holds a secret, and what it allows: one row a grant, in one round trip. A
-- person without any grant is one row with nulls.
WITH who AS (
	SELECT false AS session, t.id, t.id AS principal, t.name, t.expires_at, t.revoked_at, t.last_used_at, NULL::timestamptz AS disabled_at, NULL::uuid AS account_id,
		false AS password, NULL::uuid AS sso_generation, '' AS domain
	FROM tokens t WHERE t.secret_hash = sqlc.arg(secret_hash)
	UNION ALL
	SELECT true, s.id, a.id, a.email, s.expires_at, s.revoked_at, s.last_used_at, a.disabled_at, a.id, a.password_hash <> '', s.sso_generation, lower(split_part(a.email, '@', 2))
	FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE s.secret_hash = sqlc.arg(secret_hash)
), grants AS (
	SELECT t.organization_id, t.project_id, t.role FROM tokens t JOIN who w ON w.id = t.id
	UNION ALL
	SELECT m.organization_id, m.project_id, m.role FROM members m JOIN who w ON w.account_id = m.account_id
	-- A provider opens its own organization, and no other; a password does not open
	-- one that wants its provider to be used, but for owners.
	WHERE CASE WHEN w.sso_generation IS NOT NULL
		THEN m.organization_id = (SELECT c.organization_id FROM sso_connections c WHERE c.generation = w.sso_generation AND c.enabled)
		ELSE m.role = 'owner' OR NOT EXISTS (SELECT 1 FROM sso_connections c JOIN sso_domains d ON d.organization_id = c.organization_id
			WHERE c.organization_id = m.organization_id AND c.enabled AND NOT c.passwords_allowed AND d.domain = w.domain AND d.proven_at IS NOT NULL) END
)
SELECT w.session::boolean AS session, w.id::uuid AS id, w.principal::uuid AS principal, w.name::text AS name, w.expires_at::timestamptz AS expires_at,
	w.revoked_at, w.last_used_at, w.disabled_at, w.password::boolean AS password,
	coalesce(so.name, '')::text AS sso, (w.sso_generation IS NOT NULL AND so.name IS NULL)::boolean AS sso_ended,
	g.role, g.organization_id, o.name AS organization, coalesce('operator' = ANY (o.kinds), false)::boolean AS operator, g.project_id, p.name AS project
FROM who w
LEFT JOIN sso_connections c ON c.generation = w.sso_generation AND c.enabled
LEFT JOIN organizations so ON so.id = c.organization_id
LEFT JOIN grants g ON true
LEFT JOIN organizations o ON o.id = g.organization_id
LEFT JOIN projects p ON p.id = g.project_id
ORDER BY o.name, p.name;

-- name: TouchToken :exec
UPDATE tokens SET last_used_at = $2 WHERE id = $1;

-- name: TouchSession :exec
UPDATE sessions SET last_used_at = $2 WHERE id = $1;

-- name: OrganizationID :one
SELECT id FROM organizations WHERE name = $1;

-- name: ProjectID :one
SELECT id FROM projects WHERE organization_id = $1 AND name = $2;

-- name: Organization :one
SELECT * FROM organizations WHERE id = $1;

-- name: Organizations :many
-- Those that row-level security lets the transaction see.
SELECT * FROM organizations WHERE name > sqlc.arg(after)::text ORDER BY name LIMIT $1;

-- name: UpdateOrganization :exec
UPDATE organizations SET display_name = $2, time_zone = $3, updated_at = $4 WHERE id = $1;

-- name: InsertOrganization :execrows
INSERT INTO organizations (id, name, display_name, kinds, time_zone, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (name) DO NOTHING;

-- name: PutQuota :one
UPDATE organizations SET quota_instances = $2, quota_cpu_millis = $3, quota_memory_mib = $4, quota_storage_gib = $5, updated_at = $6 WHERE id = $1 RETURNING *;

-- name: QuotaUsed :one
-- What counts against a quota: everything that is not deleted.
SELECT coalesce(max(instances), 0)::bigint AS instances, coalesce(max(cpu_millis), 0)::bigint AS cpu_millis,
	coalesce(max(memory_mib), 0)::bigint AS memory_mib, coalesce(max(storage_gib), 0)::bigint AS storage_gib
FROM organization_use WHERE organization_id = $1;

-- name: Projects :many
-- All of an organization's, or those of the list.
SELECT * FROM projects
WHERE organization_id = $1 AND (sqlc.narg(ids)::uuid[] IS NULL OR id = ANY (sqlc.narg(ids)::uuid[])) AND name > sqlc.arg(after)::text
ORDER BY name LIMIT $2;

-- name: Project :one
SELECT * FROM projects WHERE id = $1;

-- name: InsertProject :execrows
INSERT INTO projects (id, organization_id, name, display_name, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (organization_id, name) DO NOTHING;

-- name: ProjectInstances :one
-- How many instances a project still has, and how many it ever had.
SELECT count(*) FILTER (WHERE phase <> 'Purged') AS now, count(*) AS ever FROM instances WHERE organization_id = $1 AND project_id = $2;

-- name: DeleteProject :exec
DELETE FROM projects WHERE id = $1;

-- name: LockMembers :exec
-- Serializes changes of who is in an organization, so that two owners cannot remove each other.
SELECT pg_advisory_xact_lock(hashtextextended('members ' || sqlc.arg(organization)::text, 0));

-- name: Members :many
SELECT m.id, m.role, m.created_at, m.by_sso, a.email, a.name, coalesce(p.name, '')::text AS project
FROM members m JOIN accounts a ON a.id = m.account_id LEFT JOIN projects p ON p.id = m.project_id
WHERE m.organization_id = $1 AND m.id > sqlc.arg(after)::uuid ORDER BY m.id LIMIT $2;

-- name: Member :one
SELECT m.id, m.role, m.created_at, m.project_id, m.by_sso, a.email, a.name, coalesce(p.name, '')::text AS project
FROM members m JOIN accounts a ON a.id = m.account_id LEFT JOIN projects p ON p.id = m.project_id
WHERE m.organization_id = $1 AND m.id = $2;

-- name: MemberOf :one
SELECT id, role FROM members WHERE organization_id = $1 AND account_id = $2 AND project_id IS NOT DISTINCT FROM sqlc.narg(project_id);

-- name: InsertMember :exec
INSERT INTO members (id, organization_id, project_id, account_id, role, created_at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: SetRole :exec
-- By hand: single sign-on leaves it alone from now on.
UPDATE members SET by_sso = by_sso AND role = $2, role = $2 WHERE id = $1;

-- name: DeleteMember :exec
DELETE FROM members WHERE id = $1;

-- name: Owners :one
SELECT count(*) FROM members WHERE organization_id = $1 AND role = 'owner';

-- name: OwnedBy :one
SELECT count(*) FROM members WHERE account_id = $1 AND role = 'owner';

-- name: AccountByEmail :one
SELECT id, email, name, locale, disabled_at FROM accounts WHERE lower(email) = lower(sqlc.arg(email)::text);

-- name: LoginAccount :one
-- With the hash of the password: souk_system only.
SELECT id, email, password_hash, disabled_at FROM accounts WHERE lower(email) = lower(sqlc.arg(email)::text);

-- name: InsertAccount :exec
INSERT INTO accounts (id, email, name, password_hash, created_at, locale) VALUES ($1, $2, $3, $4, $5, $6);

-- name: SetPassword :exec
UPDATE accounts SET password_hash = $2 WHERE id = $1;

-- name: InsertSession :exec
INSERT INTO sessions (id, account_id, secret_hash, created_at, expires_at, address, user_agent) VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: RevokeSession :one
UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING account_id;

-- name: OrganizationsOf :many
-- Those that a person can enter.
SELECT DISTINCT organization_id FROM members WHERE account_id = $1 ORDER BY organization_id;

-- name: Tokens :many
SELECT t.id, t.name, t.role, t.created_by, t.created_at, t.expires_at, t.last_used_at, t.revoked_at, coalesce(p.name, '')::text AS project
FROM tokens t LEFT JOIN projects p ON p.id = t.project_id
WHERE t.organization_id = $1 AND t.id > sqlc.arg(after)::uuid ORDER BY t.id LIMIT $2;

-- name: Token :one
SELECT t.id, t.name, t.role, t.created_by, t.created_at, t.expires_at, t.last_used_at, t.revoked_at, coalesce(p.name, '')::text AS project
FROM tokens t LEFT JOIN projects p ON p.id = t.project_id
WHERE t.organization_id = $1 AND t.id = $2;

-- name: TokenBySecret :one
SELECT id FROM tokens WHERE secret_hash = $1;

-- name: InsertToken :exec
INSERT INTO tokens (id, organization_id, project_id, name, role, secret_hash, created_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: RevokeToken :exec
UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL;

-- name: LoginFailures :one
-- How often log-ins failed lately: for the address and e-mail together, and for the address alone.
SELECT count(*) FILTER (WHERE lower(email) = lower(sqlc.arg(email)::text)) AS pair, coalesce(max(at) FILTER (WHERE lower(email) = lower(sqlc.arg(email)::text)), 'epoch')::timestamptz AS pair_last,
	count(*) AS address, coalesce(max(at), 'epoch')::timestamptz AS address_last
FROM login_failures WHERE address = $1 AND at > sqlc.arg(since)::timestamptz;

-- name: InsertLoginFailure :exec
INSERT INTO login_failures (email, address, at) VALUES ($1, $2, $3);

-- name: ForgetLoginFailures :exec
DELETE FROM login_failures WHERE address = $1 AND lower(email) = lower(sqlc.arg(email)::text);

-- name: SweepLoginFailures :execrows
DELETE FROM login_failures WHERE id IN (SELECT f.id FROM login_failures f WHERE f.at < sqlc.arg(before)::timestamptz LIMIT $1);

-- name: LockName :exec
-- Serializes who gets the name of an organization.
SELECT pg_advisory_xact_lock(hashtextextended('organization ' || sqlc.arg(name)::text, 0));

-- name: NameTaken :one
-- By an organization, or by a sign-up of another address than the given one.
SELECT (EXISTS (SELECT 1 FROM organizations o WHERE o.name = sqlc.arg(name)::text)
	OR EXISTS (SELECT 1 FROM signups s WHERE s.organization = sqlc.arg(name)::text AND lower(s.email) <> lower(sqlc.arg(email)::text) AND s.used_at IS NULL AND s.expires_at > sqlc.arg(now)::timestamptz))::boolean AS taken;

-- name: LockEmail :exec
-- Serializes what becomes of an address.
SELECT pg_advisory_xact_lock(hashtextextended('account ' || lower(sqlc.arg(email)::text), 0));

-- name: InsertSignup :exec
INSERT INTO signups (id, email, name, password_hash, locale, organization, display_name, token_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: SignupByToken :one
SELECT * FROM signups WHERE token_hash = $1 FOR UPDATE;

-- name: LatestSignup :one
-- The newest that still waits for its link.
SELECT * FROM signups WHERE lower(email) = lower(sqlc.arg(email)::text) AND used_at IS NULL AND expires_at > sqlc.arg(now)::timestamptz ORDER BY created_at DESC, id DESC LIMIT 1;

-- name: RenewSignup :exec
UPDATE signups SET token_hash = $2, expires_at = $3 WHERE id = $1;

-- name: UseSignups :exec
UPDATE signups SET used_at = sqlc.arg(used_at)::timestamptz WHERE lower(email) = lower(sqlc.arg(email)::text) AND used_at IS NULL;

-- name: SweepSignups :execrows
DELETE FROM signups WHERE id IN (SELECT s.id FROM signups s WHERE s.expires_at < sqlc.arg(before)::timestamptz LIMIT $1);

-- name: InsertReset :exec
INSERT INTO password_resets (id, account_id, token_hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5);

-- name: ResetByToken :one
SELECT r.id, r.account_id, r.expires_at, r.used_at, a.email, a.locale, a.disabled_at FROM password_resets r JOIN accounts a ON a.id = r.account_id WHERE r.token_hash = $1 FOR UPDATE OF r;

-- name: UseResets :exec
UPDATE password_resets SET used_at = sqlc.arg(used_at)::timestamptz WHERE account_id = $1 AND used_at IS NULL;

-- name: SweepResets :execrows
DELETE FROM password_resets WHERE id IN (SELECT r.id FROM password_resets r WHERE r.expires_at < sqlc.arg(before)::timestamptz LIMIT $1);

-- name: Account :one
SELECT id, email, name, locale, time_zone, password_hash FROM accounts WHERE id = $1;

-- name: UpdateAccount :exec
UPDATE accounts SET name = $2, locale = $3, time_zone = $4 WHERE id = $1;

-- name: SessionsOf :many
-- That are good now, the latest log-in first.
SELECT id, created_at, expires_at, last_used_at, address, user_agent FROM sessions
WHERE account_id = $1 AND revoked_at IS NULL AND expires_at > sqlc.arg(now)::timestamptz ORDER BY created_at DESC, id DESC;

-- name: RevokeSessionOf :execrows
UPDATE sessions SET revoked_at = sqlc.arg(revoked_at)::timestamptz WHERE id = $1 AND account_id = $2 AND revoked_at IS NULL AND expires_at > sqlc.arg(revoked_at);

-- name: RevokeSessions :execrows
-- All of a person's that are good now, but the one to keep.
UPDATE sessions SET revoked_at = sqlc.arg(revoked_at)::timestamptz
WHERE account_id = $1 AND id <> sqlc.arg(keep)::uuid AND revoked_at IS NULL AND expires_at > sqlc.arg(revoked_at);
