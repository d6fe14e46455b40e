-- name: Profile :one
SELECT * FROM billing_profiles WHERE organization_id = $1;

-- name: PutProfile :exec
INSERT INTO billing_profiles (organization_id, name, street, building, postal_code, town, country, vat_id, email, language, reference, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (organization_id) DO UPDATE SET name = excluded.name, street = excluded.street, building = excluded.building, postal_code = excluded.postal_code, town = excluded.town,
	country = excluded.country, vat_id = excluded.vat_id, email = excluded.email, language = excluded.language, reference = excluded.reference, updated_at = excluded.updated_at;

-- name: CostCentres :many
SELECT id, name, cost_centre FROM projects WHERE organization_id = $1 ORDER BY name;

-- name: SetCostCentre :execrows
UPDATE projects SET cost_centre = $3 WHERE organization_id = $1 AND name = $2;

-- name: Issuer :many
-- There is one, or none.
SELECT * FROM issuers ORDER BY created_at LIMIT 1;

-- name: InsertIssuer :exec
INSERT INTO issuers (id, name, street, building, postal_code, town, country, vat_id, iban, bic, email, currency, time_zone, payment_days, grace_hours, first_month, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17);

-- name: UpdateIssuer :exec
UPDATE issuers SET name = $2, street = $3, building = $4, postal_code = $5, town = $6, country = $7, vat_id = $8, iban = $9, bic = $10, email = $11, currency = $12,
	time_zone = $13, payment_days = $14, grace_hours = $15, first_month = $16, updated_at = $17 WHERE id = $1;
