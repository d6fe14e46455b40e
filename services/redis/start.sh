# Starts the server of an instance in a pod. It begins with data that is there, or on a
# volume that never held any, empty or with what was backed up; data of which a part is
# gone it leaves alone.
# /conf/held is there once the instance has held data, and /conf/restore.sh until then where
# it is made of a backup.
lost() {
	echo "$1" | tee /dev/termination-log >&2
	exit 1
}
empty() {
	rm -rf redis.new
	mkdir -p redis.new/appendonlydir &&
		: >redis.new/appendonlydir/appendonly.aof.1.incr.aof &&
		echo "file appendonly.aof.1.incr.aof seq 1 type i" >redis.new/appendonlydir/appendonly.aof.manifest
}
cd /data || exit 1
files=redis/appendonlydir manifest=redis/appendonlydir/appendonly.aof.manifest
if [ ! -e redis ]; then
	[ ! -e /conf/held ] || lost "DATA LOST: the volume is empty"
	if [ -e /conf/restore.sh ]; then sh /conf/restore.sh; else empty; fi && sync && mv redis.new redis || exit 1
fi
[ -s $manifest ] || lost "DATA LOST: the list of its files is gone"
while read -r _ name _ _ _ kind _; do
	[ "$kind" = h ] || [ -e "$files/$name" ] || lost "DATA LOST: $name is gone"
done <$manifest
exec redis-server /conf/redis.conf
