-- name: Connection :one
SELECT * FROM sso_connections WHERE organization_id = $1;

-- name: LockConnection :one
SELECT * FROM sso_connections WHERE organization_id = $1 FOR UPDATE;

-- name: PutConnection :exec
INSERT INTO sso_connections (organization_id, generation, issuer, client_id, sealed, group_claim, group_roles, default_role, passwords_allowed, enabled, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, sqlc.arg(at), sqlc.arg(at))
ON CONFLICT (organization_id) DO UPDATE SET generation = excluded.generation, issuer = excluded.issuer, client_id = excluded.client_id, sealed = excluded.sealed,
	group_claim = excluded.group_claim, group_roles = excluded.group_roles, default_role = excluded.default_role,
	passwords_allowed = excluded.passwords_allowed, enabled = excluded.enabled, updated_at = excluded.updated_at;

-- name: Renew :exec
-- Ends the sessions that began under the connection.
UPDATE sso_connections SET generation = $2, updated_at = $3 WHERE organization_id = $1;

-- name: DeleteConnection :execrows
DELETE FROM sso_connections WHERE organization_id = $1;

-- name: ForgetIdentities :exec
DELETE FROM sso_identities WHERE organization_id = $1;

-- name: Domains :many
SELECT * FROM sso_domains WHERE organization_id = $1 ORDER BY domain;

-- name: Domain :one
SELECT * FROM sso_domains WHERE organization_id = $1 AND domain = $2;

-- name: ClaimDomain :execrows
INSERT INTO sso_domains (organization_id, domain, token, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- name: BindDomain :exec
UPDATE sso_domains SET proof = sqlc.arg(proof)::text, proven_at = sqlc.arg(at)::timestamptz WHERE organization_id = $1 AND domain = $2 AND proven_at IS NULL;

-- name: RemoveDomain :one
DELETE FROM sso_domains WHERE organization_id = $1 AND domain = $2 RETURNING (proven_at IS NOT NULL)::boolean AS bound;

-- name: ConnectionOfDomain :one
-- That people with an address in the domain sign in by.
SELECT sqlc.embed(c), o.name AS organization FROM sso_domains d JOIN sso_connections c ON c.organization_id = d.organization_id JOIN organizations o ON o.id = d.organization_id
WHERE d.domain = $1 AND d.proven_at IS NOT NULL AND c.enabled;

-- name: ConnectionOfOrganization :one
SELECT sqlc.embed(c), o.name AS organization FROM sso_connections c JOIN organizations o ON o.id = c.organization_id WHERE o.name = $1 AND c.enabled;

-- name: ConnectionOfFlow :one
SELECT sqlc.embed(c), o.name AS organization FROM sso_connections c JOIN organizations o ON o.id = c.organization_id WHERE c.organization_id = $1 AND c.enabled;

-- name: BeginFlow :exec
INSERT INTO sso_flows (state_hash, secret_hash, organization_id, generation, redirect_uri, return_to, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: TakeFlow :one
DELETE FROM sso_flows WHERE state_hash = $1 AND secret_hash = $2 RETURNING organization_id, generation, redirect_uri, return_to, expires_at;

-- name: SweepFlows :execrows
DELETE FROM sso_flows WHERE state_hash IN (SELECT f.state_hash FROM sso_flows f WHERE f.expires_at < sqlc.arg(before)::timestamptz LIMIT $1);

-- name: Bound :one
-- Whether the domain is the organization's.
SELECT EXISTS (SELECT 1 FROM sso_domains WHERE organization_id = $1 AND domain = $2 AND proven_at IS NOT NULL)::boolean AS bound;

-- name: Identity :one
SELECT a.id, a.email, a.disabled_at FROM sso_identities i JOIN accounts a ON a.id = i.account_id WHERE i.organization_id = $1 AND i.issuer = $2 AND i.subject = $3;

-- name: AccountOfEmail :one
SELECT id, email, disabled_at FROM accounts WHERE lower(email) = lower(sqlc.arg(email)::text);

-- name: Tie :execrows
-- No row where the account is tied to another subject of the provider.
INSERT INTO sso_identities (organization_id, issuer, subject, account_id, created_at, last_login_at) VALUES ($1, $2, $3, $4, sqlc.arg(at), sqlc.arg(at))
ON CONFLICT (organization_id, issuer, subject) DO UPDATE SET last_login_at = excluded.last_login_at WHERE sso_identities.account_id = excluded.account_id;
