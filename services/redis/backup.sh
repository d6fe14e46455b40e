# Takes a backup of the server at $SERVER: its data as of one moment, which restic keeps in
# a repository of its own. The last words are the data's size in bytes, or what kept it from
# being done and why.
fail() {
	printf '%s: %s' "$1" "$2" | head -c 3000 >/dev/termination-log
	exit 1
}
keep() {
	restic --repository-file /backup/repository --password-file /backup/key --cacert /backup/ca.crt --no-cache --quiet \
		-o s3.bucket-lookup=path -o "s3.region=$REGION" "$@"
}
command -v restic >/dev/null || fail image "there is no restic in it"
said=$(redis-cli --tls --cacert /server/ca.crt -h "$SERVER" -p "$PORT" --user "$LOGIN" --no-auth-warning --rdb /spool/dump.rdb 2>&1) || fail server "$said"
said=$(keep init 2>&1) || fail place "$said"
said=$(keep backup --host souk --stdin --stdin-filename dump.rdb </spool/dump.rdb 2>&1) || fail place "$said"
wc -c </spool/dump.rdb >/dev/termination-log
