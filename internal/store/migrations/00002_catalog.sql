-- What is offered, where, and at what price. The catalog is public: any request
-- may read it. Revisions are immutable.

-- +goose Up

CREATE TABLE providers (
	id uuid PRIMARY KEY,
	organization_id uuid NOT NULL REFERENCES organizations,
	name text NOT NULL UNIQUE,
	title text NOT NULL,
	kind text NOT NULL CHECK (kind IN ('operator', 'csp', 'msp', 'isv', 'partner')),
	created_at timestamptz NOT NULL
);

CREATE TABLE zones (
	id uuid PRIMARY KEY,
	provider_id uuid NOT NULL REFERENCES providers,
	organization_id uuid NOT NULL REFERENCES organizations, -- the provider's
	name text NOT NULL UNIQUE CHECK (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
	title text NOT NULL,
	driver text NOT NULL,
	simulated boolean NOT NULL DEFAULT false,
	failure_domains text[] NOT NULL DEFAULT '{}',
	capacity_cpu_millis bigint NOT NULL CHECK (capacity_cpu_millis >= 0),
	capacity_memory_mib bigint NOT NULL CHECK (capacity_memory_mib >= 0),
	capacity_storage_gib bigint NOT NULL CHECK (capacity_storage_gib >= 0),
	capacity_instances bigint NOT NULL CHECK (capacity_instances >= 0),
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL
);

CREATE TABLE services (
	id uuid PRIMARY KEY,
	provider_id uuid NOT NULL REFERENCES providers,
	name text NOT NULL UNIQUE CHECK (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
	created_at timestamptz NOT NULL
);

CREATE TABLE package_revisions (
	id uuid PRIMARY KEY,
	service_id uuid NOT NULL REFERENCES services,
	revision integer NOT NULL CHECK (revision > 0),
	definition jsonb NOT NULL, -- servicepkg.Definition
	digest text NOT NULL, -- SHA-256 of the definition's canonical JSON
	published_at timestamptz NOT NULL,
	UNIQUE (service_id, revision)
);

CREATE TABLE plan_revisions (
	id uuid PRIMARY KEY,
	service_id uuid NOT NULL REFERENCES services,
	name text NOT NULL,
	revision integer NOT NULL CHECK (revision > 0),
	cpu_millis bigint NOT NULL CHECK (cpu_millis > 0),
	memory_mib bigint NOT NULL CHECK (memory_mib > 0),
	min_storage_gib bigint NOT NULL CHECK (min_storage_gib >= 0),
	max_storage_gib bigint NOT NULL,
	published_at timestamptz NOT NULL,
	UNIQUE (service_id, name, revision),
	CHECK (max_storage_gib >= min_storage_gib)
);

CREATE TABLE price_lists (
	id uuid PRIMARY KEY,
	provider_id uuid NOT NULL REFERENCES providers,
	name text NOT NULL UNIQUE,
	currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	created_at timestamptz NOT NULL
);

CREATE TABLE price_list_revisions (
	id uuid PRIMARY KEY,
	price_list_id uuid NOT NULL REFERENCES price_lists,
	revision integer NOT NULL CHECK (revision > 0),
	currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
	published_at timestamptz NOT NULL,
	UNIQUE (price_list_id, revision)
);

CREATE TABLE prices (
	price_list_revision_id uuid NOT NULL REFERENCES price_list_revisions,
	service text NOT NULL,
	plan text NOT NULL, -- '' : for every plan
	service_level text NOT NULL,
	item text NOT NULL CHECK (item IN ('compute', 'storage')),
	unit text NOT NULL CHECK (unit IN ('hour', 'month', 'GiB-hour', 'GiB-month')),
	amount numeric NOT NULL CHECK (amount >= 0),
	PRIMARY KEY (price_list_revision_id, service, plan, service_level, item),
	CHECK ((item = 'storage') = (unit LIKE 'GiB-%'))
);

CREATE TABLE offerings (
	id uuid PRIMARY KEY,
	service_id uuid NOT NULL REFERENCES services,
	zone_id uuid NOT NULL REFERENCES zones,
	service_level text NOT NULL CHECK (service_level IN ('best-effort', 'guaranteed')),
	created_at timestamptz NOT NULL,
	UNIQUE (service_id, zone_id, service_level)
);

CREATE TABLE offering_revisions (
	id uuid PRIMARY KEY,
	offering_id uuid NOT NULL REFERENCES offerings,
	revision integer NOT NULL CHECK (revision > 0),
	package_revision_id uuid NOT NULL REFERENCES package_revisions,
	price_list_revision_id uuid NOT NULL REFERENCES price_list_revisions,
	withdrawn boolean NOT NULL DEFAULT false, -- no new orders
	published_at timestamptz NOT NULL,
	UNIQUE (offering_id, revision)
);

CREATE TRIGGER package_revisions_immutable BEFORE UPDATE OR DELETE ON package_revisions FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER plan_revisions_immutable BEFORE UPDATE OR DELETE ON plan_revisions FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER price_list_revisions_immutable BEFORE UPDATE OR DELETE ON price_list_revisions FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER prices_immutable BEFORE UPDATE OR DELETE ON prices FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER offering_revisions_immutable BEFORE UPDATE OR DELETE ON offering_revisions FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Guaranteed availability needs three failure domains.
-- +goose StatementBegin
CREATE FUNCTION check_offering_level() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.service_level = 'guaranteed' AND (SELECT cardinality(failure_domains) FROM zones WHERE id = NEW.zone_id) < 3 THEN
		RAISE EXCEPTION 'guaranteed availability cannot be offered with fewer than three failure domains' USING ERRCODE = 'check_violation';
	END IF;
	RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER offerings_level BEFORE INSERT OR UPDATE ON offerings FOR EACH ROW EXECUTE FUNCTION check_offering_level();

GRANT SELECT ON providers, zones, services, package_revisions, plan_revisions, price_lists, price_list_revisions, prices, offerings, offering_revisions TO souk_app, souk_system;
GRANT INSERT ON providers, zones, services, package_revisions, plan_revisions, price_lists, price_list_revisions, prices, offerings, offering_revisions TO souk_system;
GRANT UPDATE ON zones TO souk_system;
GRANT UPDATE (title) ON providers TO souk_system;
GRANT UPDATE (name) ON services, price_lists TO souk_system;
GRANT UPDATE (service_level) ON offerings TO souk_system;
