-- A revision of a price list says whom it prices: new orders alone, or what was ordered
-- before as well, from its start or from the next month on.

-- +goose Up
ALTER TABLE price_list_revisions ADD COLUMN policy text NOT NULL DEFAULT 'new-orders' CHECK (policy IN ('new-orders', 'now', 'next-period'));
