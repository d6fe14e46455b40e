SELECT
	pg_tablespace_size('pg_default') + pg_tablespace_size('pg_global') + (SELECT coalesce(sum(size), 0) FROM pg_ls_waldir())::int8,
	pg_read_file('/sys/fs/cgroup/cpu.stat', 0, 4096, true),
	pg_read_file('/sys/fs/cgroup/cpuacct/cpuacct.usage', 0, 4096, true),
	coalesce(pg_read_file('/sys/fs/cgroup/memory.current', 0, 4096, true), pg_read_file('/sys/fs/cgroup/memory/memory.usage_in_bytes', 0, 4096, true)),
	coalesce(pg_read_file('/sys/fs/cgroup/memory.stat', 0, 8192, true), pg_read_file('/sys/fs/cgroup/memory/memory.stat', 0, 8192, true))
