-- Prices in tiers, with a minimum, charged once, and of whatever a package measures.
-- What they mean the catalog checks; revisions that exist stay as they are.

-- +goose Up

ALTER TABLE prices DROP CONSTRAINT prices_item_check, DROP CONSTRAINT prices_unit_check, DROP CONSTRAINT prices_check;
ALTER TABLE prices
	ADD mode text NOT NULL DEFAULT 'flat' CHECK (mode IN ('flat', 'graduated', 'volume')),
	-- [{upTo, amount}], the last without upTo. The amount beside is the first tier's.
	ADD tiers jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(tiers) = 'array'),
	ADD minimum numeric NOT NULL DEFAULT 0 CHECK (minimum >= 0), -- a month
	ADD CONSTRAINT prices_item_check CHECK (item ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
	ADD CONSTRAINT prices_unit_check CHECK (unit IN ('hour', 'month', 'GiB-hour', 'GiB-month', 'once', 'GiB', 'GB', 'thousand', 'million', 'each')),
	ADD CONSTRAINT prices_in_tiers CHECK ((mode = 'flat') = (tiers = '[]'));
