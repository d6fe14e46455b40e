WITH
clients AS (
	SELECT CASE WHEN state IN ('active', 'idle', 'idle in transaction', 'idle in transaction (aborted)') THEN state ELSE 'other' END AS state,
		xact_start, wait_event_type, datname
	FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
),
db AS (SELECT * FROM pg_stat_database WHERE datname = $1::text)
SELECT name, label, coalesce(of, ''), value::float8 FROM (
	SELECT 'pg_settings_max_connections' AS name, '' AS label, '' AS of, current_setting('max_connections')::float8 AS value
	UNION ALL SELECT 'pg_stat_activity_count', 'state', s.state, count(c.state)
		FROM unnest(ARRAY['active', 'idle', 'idle in transaction', 'idle in transaction (aborted)', 'other']) s(state) LEFT JOIN clients c USING (state) GROUP BY s.state
	UNION ALL SELECT 'pg_stat_activity_max_tx_duration', '', '', greatest(coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0), 0) FROM clients WHERE datname = $1
	UNION ALL SELECT 'pg_stat_activity_lock_waiters', '', '', count(*) FROM clients WHERE wait_event_type = 'Lock'
	UNION ALL SELECT 'pg_locks_count', 'mode', m.mode, count(l.mode)
		FROM unnest(ARRAY['AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock', 'SIReadLock']) m(mode)
		LEFT JOIN (SELECT mode FROM pg_locks WHERE pid <> pg_backend_pid()) l USING (mode) GROUP BY m.mode
	UNION ALL SELECT 'pg_database_size_bytes', 'datname', $1, pg_database_size(datid) FROM db
	UNION ALL SELECT 'pg_stat_database_xact_commit', 'datname', $1, xact_commit FROM db
	UNION ALL SELECT 'pg_stat_database_xact_rollback', 'datname', $1, xact_rollback FROM db
	UNION ALL SELECT 'pg_stat_database_blks_hit', 'datname', $1, blks_hit FROM db
	UNION ALL SELECT 'pg_stat_database_blks_read', 'datname', $1, blks_read FROM db
	UNION ALL SELECT 'pg_stat_database_tup_returned', 'datname', $1, tup_returned FROM db
	UNION ALL SELECT 'pg_stat_database_tup_fetched', 'datname', $1, tup_fetched FROM db
	UNION ALL SELECT 'pg_stat_database_tup_inserted', 'datname', $1, tup_inserted FROM db
	UNION ALL SELECT 'pg_stat_database_tup_updated', 'datname', $1, tup_updated FROM db
	UNION ALL SELECT 'pg_stat_database_tup_deleted', 'datname', $1, tup_deleted FROM db
	UNION ALL SELECT 'pg_stat_database_temp_bytes', 'datname', $1, temp_bytes FROM db
	UNION ALL SELECT 'pg_stat_database_deadlocks', 'datname', $1, deadlocks FROM db
	UNION ALL SELECT 'pg_wal_written_bytes_total', '', '', pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')
	UNION ALL SELECT 'pg_replication_lag_seconds', 'replica', application_name, coalesce(extract(epoch FROM replay_lag), 0) FROM pg_stat_replication WHERE application_name <> 'pg_basebackup'
	UNION ALL SELECT 'pg_postmaster_start_time_seconds', '', '', extract(epoch FROM pg_postmaster_start_time())
) figures
