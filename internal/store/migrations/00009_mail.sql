-- Mail that is on its way: written in the transaction of the change that it
-- tells of, sent by whichever replica takes it.

-- +goose Up

CREATE TABLE mails (
	id uuid PRIMARY KEY,
	recipient text NOT NULL,
	topic text NOT NULL, -- what mails to one address are counted by
	sealed bytea, -- subject and bodies, which may hold a link with a token; gone once it is sent or given up
	created_at timestamptz NOT NULL,
	expires_at timestamptz NOT NULL, -- what is not sent by then is of no use any more
	attempts integer NOT NULL DEFAULT 0,
	next_at timestamptz, -- null: nothing is left to do
	sent_at timestamptz,
	last_error text NOT NULL DEFAULT '',
	CHECK ((next_at IS NULL) = (sealed IS NULL))
);
CREATE INDEX mails_due ON mails (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX mails_counted ON mails (lower(recipient), topic, created_at);
CREATE INDEX mails_age ON mails (created_at);

-- How many mails of the topic an address was sent since. Tenants' transactions
-- may count them, and read none of them. Holds the address until the transaction
-- ends, so that many at once do not escape the count.
-- +goose StatementBegin
CREATE FUNCTION count_mails(recipient text, topic text, since timestamptz) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('mail ' || lower(count_mails.recipient), 0));
	RETURN (SELECT count(*) FROM mails m WHERE lower(m.recipient) = lower(count_mails.recipient) AND m.topic = count_mails.topic AND m.created_at > since);
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION count_mails FROM PUBLIC;
GRANT EXECUTE ON FUNCTION count_mails TO souk_app, souk_system;

-- Mail that souk dev caught in place of sending it.
CREATE TABLE caught_mails (
	id uuid PRIMARY KEY,
	recipient text NOT NULL,
	subject text NOT NULL,
	text text NOT NULL,
	html text NOT NULL,
	at timestamptz NOT NULL
);

GRANT INSERT ON mails TO souk_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON mails TO souk_system;
GRANT SELECT, INSERT, DELETE ON caught_mails TO souk_system;
