# Makes in redis.new the data that a server goes on from, of what was backed up. What restic
# says names the zone's place of backups: it is for the zone's operator, not for the log.
new=redis.new/appendonlydir
rm -rf redis.new
mkdir -p $new || exit 1
said=$(AWS_SHARED_CREDENTIALS_FILE=/conf/restore.account TMPDIR=/run/redis restic --repository-file /conf/restore.repository --password-file /conf/restore.key \
	--cacert /conf/restore.ca.crt --no-cache --no-lock --quiet -o s3.bucket-lookup=path -o "s3.region=$(cat /conf/restore.region)" \
	dump latest /dump.rdb 2>&1 >$new/appendonly.aof.1.base.rdb) || {
	printf 'NOT RESTORED: %s' "$said" | head -c 3000 >/dev/termination-log
	echo "The backup could not be restored. It is tried again." >&2
	exit 1
}
: >$new/appendonly.aof.1.incr.aof &&
	printf 'file %s seq 1 type %s\n' appendonly.aof.1.base.rdb b appendonly.aof.1.incr.aof i >$new/appendonly.aof.manifest
