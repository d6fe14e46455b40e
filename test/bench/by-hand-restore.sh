#!/usr/bin/env bash
# The baseline of "restore → first query": the newest backup of a server that was
# made by by-hand.sh, brought into a folder of its own and started there.
#
#	by-hand-restore.sh FOLDER PORT BIN SOURCE CONFIG
set -euo pipefail
folder=$1 port=$2 bin=$3 source=$4 config=$5
umask 077
mkdir "$folder" && cd "$folder"
mkdir run

# A certificate of its own, for the address that clients use.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -subj /CN=127.0.0.1 -out server.csr 2>openssl.log
openssl x509 -req -in server.csr -CA ../ca.pem -CAkey ../ca.key -days 90 -out cert.pem \
	-extfile <(echo 'subjectAltName=IP:127.0.0.1,DNS:localhost') 2>>openssl.log
cat cert.pem key.pem >server.pem

pgbackrest --config="$config" --stanza=db --pg1-path="$folder/data" --type=immediate --target-action=promote restore

sed "s|$source|$folder|g; s|^port = .*|port = $port|; /^archive_/d" "$source/postgresql.conf" >postgresql.conf
cp "$source/pg_hba.conf" "$source/pg_ident.conf" .
setsid "$bin/postgres" -D data -c config_file="$folder/postgresql.conf" -c hba_file="$folder/pg_hba.conf" -c ident_file="$folder/pg_ident.conf" \
	</dev/null >server.log 2>&1 3<&- &

for _ in {1..12000}; do
	[[ -S run/.s.PGSQL.$port ]] &&
		[[ $(psql -qXAt -h "$folder/run" -p "$port" -U admin -d postgres -c 'SELECT NOT pg_is_in_recovery()' 2>/dev/null) == t ]] && exit
	kill -0 $! || { cat server.log; exit 1; }
	sleep 0.005
done
exit 1
