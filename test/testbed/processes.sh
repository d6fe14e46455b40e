# The processes of the control plane: each is known by the pid in its file and
# belongs to the group $control_plane. Sourced.
# shellcheck shell=bash
control_plane=$cgroup/control-plane

# start NAME COMMAND... starts it in the background, unless it runs.
start() {
	local name=$1
	shift
	! running "$name" || return 0
	(alone && enter_cgroup "$control_plane" && exec setsid "$@") >>"$logs/$name.log" 2>&1 </dev/null &
	echo $! >"$pids/$name"
}

running() {
	[[ -s $pids/$1 ]] && cgroup_pids "$control_plane" | grep -x "$(<"$pids/$1")" >/dev/null
}

# stop NAME ends it, gently for ten seconds.
stop() {
	local pid until=$((SECONDS + 10)) signal=TERM
	running "$1" || return 0
	pid=$(<"$pids/$1")
	while running "$1"; do
		kill -$signal "$pid" 2>/dev/null || true
		((SECONDS < until)) || signal=KILL
		sleep 0.1
	done
	rm -f "$pids/$1"
}
