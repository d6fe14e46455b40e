SELECT
	current_setting('max_connections')::float8 AS "pg_settings_max_connections",
	clients.active::float8 AS "pg_stat_activity_count:state:active",
	clients.idle::float8 AS "pg_stat_activity_count:state:idle",
	clients.within::float8 AS "pg_stat_activity_count:state:idle in transaction",
	clients.failed::float8 AS "pg_stat_activity_count:state:idle in transaction (aborted)",
	(clients.alltogether - clients.active - clients.idle - clients.within - clients.failed)::float8 AS "pg_stat_activity_count:state:other",
	greatest(coalesce(clients.oldest, 0), 0)::float8 AS "pg_stat_activity_max_tx_duration",
	clients.waiting::float8 AS "pg_stat_activity_lock_waiters",
	(SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid())::float8 AS "pg_locks_count",
	(SELECT extract(epoch FROM max(coalesce(replay_lag, interval '0'))) FROM pg_stat_replication)::float8 AS "pg_replication_lag_seconds",
	extract(epoch FROM pg_postmaster_start_time())::float8 AS "pg_postmaster_start_time_seconds",
	pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS "pg_wal_written_bytes_total",
	pg_database_size(db.oid)::float8 AS "pg_database_size_bytes:datname:app",
	pg_stat_get_db_xact_commit(db.oid)::float8 AS "pg_stat_database_xact_commit:datname:app",
	pg_stat_get_db_xact_rollback(db.oid)::float8 AS "pg_stat_database_xact_rollback:datname:app",
	pg_stat_get_db_blocks_hit(db.oid)::float8 AS "pg_stat_database_blks_hit:datname:app",
	(pg_stat_get_db_blocks_fetched(db.oid) - pg_stat_get_db_blocks_hit(db.oid))::float8 AS "pg_stat_database_blks_read:datname:app",
	pg_stat_get_db_tuples_returned(db.oid)::float8 AS "pg_stat_database_tup_returned:datname:app",
	pg_stat_get_db_tuples_fetched(db.oid)::float8 AS "pg_stat_database_tup_fetched:datname:app",
	pg_stat_get_db_tuples_inserted(db.oid)::float8 AS "pg_stat_database_tup_inserted:datname:app",
	pg_stat_get_db_tuples_updated(db.oid)::float8 AS "pg_stat_database_tup_updated:datname:app",
	pg_stat_get_db_tuples_deleted(db.oid)::float8 AS "pg_stat_database_tup_deleted:datname:app",
	pg_stat_get_db_temp_bytes(db.oid)::float8 AS "pg_stat_database_temp_bytes:datname:app",
	pg_stat_get_db_deadlocks(db.oid)::float8 AS "pg_stat_database_deadlocks:datname:app"
FROM pg_database db, (
	SELECT count(*) AS alltogether,
		count(*) FILTER (WHERE state = 'active') AS active,
		count(*) FILTER (WHERE state = 'idle') AS idle,
		count(*) FILTER (WHERE state = 'idle in transaction') AS within,
		count(*) FILTER (WHERE state = 'idle in transaction (aborted)') AS failed,
		count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting,
		max(extract(epoch FROM clock_timestamp() - xact_start)) FILTER (WHERE datid = (SELECT oid FROM pg_database WHERE datname = $1)) AS oldest
	FROM pg_stat_get_activity(NULL) WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND usesysid IS DISTINCT FROM to_regrole('souk_probe')
) clients
WHERE db.datname = $1
