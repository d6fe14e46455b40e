# Runs what a pod of an instance with three members consists of: sh member.sh COMMAND.
# MEMBERS are the addresses of all members in their order, NAME is the pod's name.
# Who the primary is only the Sentinels know, here as anywhere: a server that starts
# asks them. /conf/held is there once the instance has held data, and /conf/restore.sh
# until then where it is made of a backup.
files=redis/appendonlydir manifest=redis/appendonlydir/appendonly.aof.manifest
unsynced=/data/unsynced # there until a copy of the primary was whole once

# ask ADDRESS PORT LOGIN PASSWORD-FILE COMMAND...
ask() (
	address=$1 port=$2 login=$3
	REDISCLI_AUTH=$(cat "$4")
	export REDISCLI_AUTH
	shift 4
	timeout 2 redis-cli --tls --cacert /ca/ca.crt -h "$address" -p "$port" --user "$login" --no-auth-warning -e "$@" 2>/dev/null
)

# of NAME picks a value of what a Sentinel says: each name on a line, its value on the next.
of() {
	while read -r name && read -r value; do
		[ "$name" != "$1" ] || echo "$value"
	done
}

# leader COUNT prints the primary's address: the newest of what at least COUNT Sentinels
# know. While one of them has another member take over there is none.
leader() {
	answers=0 newest=-1 primary=
	for address in $MEMBERS; do
		said=$(ask "$address" 26379 souk_sentinel /conf/sentinel SENTINEL MASTER primary) || continue
		case $(echo "$said" | of flags) in *failover_in_progress*) return 1 ;; esac
		epoch=$(echo "$said" | of config-epoch)
		answers=$((answers + 1))
		[ "$epoch" -le "$newest" ] || { newest=$epoch primary=$(echo "$said" | of ip); }
	done
	[ "$answers" -ge "$1" ] && echo "$primary"
}

# leads ADDRESS: another member is a primary that answers.
leads() {
	[ "$1" != "$SELF" ] && ask "$1" 6379 souk_pod /conf/probe ROLE | { read -r role && [ "$role" = master ]; }
}

# lacks says what of the member's data is gone; nothing where all is there, or never was any.
lacks() {
	if [ -e $unsynced ]; then echo "its copy was never whole"; return; fi
	if [ ! -e redis ]; then [ ! -e /conf/held ] || echo "the volume is empty"; return; fi
	if [ ! -s $manifest ]; then echo "the list of its files is gone"; return; fi
	while read -r _ name _ _ _ kind _; do
		if [ "$kind" != h ] && [ ! -e "$files/$name" ]; then echo "$name is gone"; return; fi
	done <$manifest
}

# empty makes data without a key.
empty() {
	rm -rf redis.new
	mkdir -p redis.new/appendonlydir &&
		: >redis.new/appendonlydir/appendonly.aof.1.incr.aof &&
		echo "file appendonly.aof.1.incr.aof seq 1 type i" >redis.new/appendonlydir/appendonly.aof.manifest
}

# first makes the data that a member begins with: the first primary that of the backup
# that the instance is made of, if there is one.
first() {
	if [ "$primary" = "$SELF" ] && [ -e /conf/restore.sh ]; then sh /conf/restore.sh; else empty; fi && sync && mv redis.new redis
}

# copies: this member fetches all from the primary.
copies() {
	[ -n "$lack" ] || { [ ! -e redis ] && [ "$primary" != "$SELF" ]; }
}

# server starts Redis. Data that is not whole is made anew from the primary's, and is
# never a primary's nor, until it is whole, of one that may become it.
server() {
	lack=$(lacks) tries=0
	until primary=$(leader 2) && { ! copies || leads "$primary"; }; do
		tries=$((tries + 1))
		if [ -n "$lack" ] && [ $tries -ge 20 ]; then
			echo "DATA LOST: $lack" | tee /dev/termination-log >&2
			exit 1
		fi
		sleep 1
	done
	set -- /conf/redis.conf --replica-announce-ip "$SELF"
	if copies; then
		: >$unsynced && rm -rf redis || exit 1
		set -- "$@" --replica-priority 0
	fi
	[ -e redis ] || first || exit 1
	[ "$primary" = "$SELF" ] || set -- "$@" --replicaof "$primary" 6379
	exec redis-server "$@"
}

# sentinel starts the Sentinel with what it knew before of the primary. One that knows
# nothing begins with the first member, or where there was data with what the others know;
# it is always the same one to them, for its vote must not count twice. Who the others are
# it need not find out.
sentinel() {
	state=/data/sentinel/sentinel.conf
	mkdir -p /data/sentinel || exit 1
	if [ -s $state ]; then
		known=$(grep -E '^sentinel (monitor|current-epoch|config-epoch|leader-epoch) ' $state)
		primary=$(echo "$known" | { while read -r _ what _ address _; do [ "$what" != monitor ] || echo "$address"; done; })
	else
		primary=${MEMBERS%% *}
		[ ! -e /conf/held ] || until primary=$(leader 1); do sleep 1; done
		known="sentinel monitor primary $primary 6379 2"
	fi
	umask 077
	{
		echo "$known"
		echo "sentinel myid $(cat "/conf/$NAME")"
		echo "sentinel announce-ip $SELF"
		n=0
		for address in $MEMBERS; do
			[ "$address" = "$primary" ] || echo "sentinel known-replica primary $address 6379"
			[ "$address" = "$SELF" ] || echo "sentinel known-sentinel primary $address 26379 $(cat "/conf/${NAME%-*}-$n")"
			n=$((n + 1))
		done
		cat /conf/sentinel.conf
	} >$state.new && cat /tls/tls.crt >/run/redis/sentinel.crt && mv $state.new $state || exit 1
	exec redis-server $state --sentinel
}

# well: this member's server is the primary, or has what the primary has.
well() {
	redis-cli -s /run/redis/redis.sock --user souk_pod --no-auth-warning -e ROLE | {
		read -r role
		read -r _ && read -r _ && read -r state
		[ "$role" = master ] || { [ "$role $state" = "slave connected" ] && rm -f $unsynced; }
	}
}

# fresh: the Sentinel answers, and has the certificate that there is: it reads its only
# when it starts.
fresh() {
	cmp -s /tls/tls.crt /run/redis/sentinel.crt && ask 127.0.0.1 26379 souk_sentinel /conf/sentinel PING >/dev/null
}

command=$1
# shellcheck disable=SC2086 # a word each
set -- $MEMBERS
shift "${NAME##*-}"
SELF=$1 # the address of this member
cd /data && $command
