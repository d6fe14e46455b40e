#!/usr/bin/env bash
# The baseline of "order → first query": what a careful person would script to get
# the same PostgreSQL. The account that runs it has the folder's parent, in which
# ca.pem and ca.key are; the log-in's password comes through standard input.
#
# A file of more settings can be given.
#
#	by-hand.sh FOLDER PORT BIN [SETTINGS]
set -euo pipefail
folder=$1 port=$2 bin=$3 settings=${4:-/dev/null}
read -r password
umask 077
mkdir "$folder" && cd "$folder"
mkdir run

# A certificate of its own, for the address that clients use.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -subj /CN=127.0.0.1 -out server.csr 2>openssl.log
openssl x509 -req -in server.csr -CA ../ca.pem -CAkey ../ca.key -days 90 -out cert.pem \
	-extfile <(echo 'subjectAltName=IP:127.0.0.1,DNS:localhost') 2>>openssl.log
cat cert.pem key.pem >server.pem

"$bin/initdb" --pgdata=data --username=admin --auth=reject --encoding=UTF8 --locale=C.UTF-8 --data-checksums --no-instructions >initdb.log

# The settings of plan small.
cat >postgresql.conf <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$folder/run'
ssl = on
ssl_cert_file = '$folder/server.pem'
ssl_key_file = '$folder/server.pem'
ssl_min_protocol_version = 'TLSv1.2'
password_encryption = 'scram-sha-256'
shared_buffers = 128MB
effective_cache_size = 320MB
max_connections = 100
huge_pages = off
wal_level = replica
max_wal_size = 1280MB
min_wal_size = 80MB
fsync = on
full_page_writes = on
log_timezone = 'UTC'
CONF
cat "$settings" >>postgresql.conf
cat >pg_hba.conf <<HBA
local all admin peer map=me
local all all reject
hostssl app all 0.0.0.0/0 scram-sha-256
hostssl app all ::/0 scram-sha-256
HBA
echo "me \"$(id -un)\" admin" >pg_ident.conf

setsid "$bin/postgres" -D data -c config_file="$folder/postgresql.conf" -c hba_file="$folder/pg_hba.conf" -c ident_file="$folder/pg_ident.conf" \
	</dev/null >server.log 2>&1 3<&- &

admin() { psql -qXAt -v ON_ERROR_STOP=1 -h "$folder/run" -p "$port" -U admin -d postgres "$@"; }
for _ in {1..3000}; do
	[[ -S run/.s.PGSQL.$port ]] && admin -c '' 2>/dev/null && break
	kill -0 $! || { cat server.log; exit 1; }
	sleep 0.005
done

# One owner role that cannot log in, a database of its own, and a log-in that acts
# as the owner. The password is nobody's argument.
admin <<SQL
CREATE ROLE app_owner NOLOGIN IN ROLE pg_read_all_stats;
CREATE DATABASE app OWNER app_owner;
REVOKE ALL ON DATABASE postgres, template1, app FROM PUBLIC;
CREATE ROLE default_1 LOGIN NOINHERIT PASSWORD '$password';
GRANT app_owner TO default_1;
GRANT CONNECT, TEMPORARY ON DATABASE app TO default_1;
ALTER ROLE default_1 SET role = 'app_owner';
SQL
