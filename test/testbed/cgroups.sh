# Control groups of both kinds: one tree per controller (v1), or one tree (v2).
# Sourced by settings.sh.
# shellcheck shell=bash

cgroups_v2() { [[ -e /sys/fs/cgroup/cgroup.controllers ]]; }

# cgroup_trees prints where the trees begin; the process list of the first is
# the one that is asked who belongs to a group.
cgroup_trees() {
	if cgroups_v2; then echo /sys/fs/cgroup; return; fi
	awk '$3 == "cgroup" { print $2 }' /proc/mounts | grep -v '/systemd$' | sort -u
	awk '$3 == "cgroup" { print $2 }' /proc/mounts | grep '/systemd$' | sort -u
}

# make_cgroup GROUP makes it in every tree, with all controllers and processors.
make_cgroup() {
	local tree path part file
	for tree in $(cgroup_trees); do
		path=$tree
		for part in ${1//\// }; do
			! cgroups_v2 || sed 's/\([a-z_][a-z_]*\)/+\1/g' "$path/cgroup.controllers" >"$path/cgroup.subtree_control"
			[[ -d $path/$part ]] || mkdir "$path/$part"
			for file in cpuset.cpus cpuset.mems; do # a new v1 group has none
				[[ ! -e $path/$file || -s $path/$part/$file && -n $(<"$path/$part/$file") ]] || cat "$path/$file" >"$path/$part/$file"
			done
			path=$path/$part
		done
	done
}

# enter_cgroup GROUP moves the running shell into it.
enter_cgroup() {
	local tree
	for tree in $(cgroup_trees); do echo "$BASHPID" >"$tree/$1/cgroup.procs"; done
}

# cgroup_pids GROUP prints every process in it and below it.
cgroup_pids() {
	local tree
	for tree in $(cgroup_trees); do
		[[ ! -d $tree/$1 ]] || find "$tree/$1" -name cgroup.procs -exec cat {} + 2>/dev/null
	done | sort -un | grep -v '^0$' || true
}

# kill_cgroup GROUP ends everything in it at once and returns when it is gone.
kill_cgroup() {
	local left until=$((SECONDS + 30))
	while left=$(cgroup_pids "$1"); [[ -n $left ]]; do
		# shellcheck disable=SC2086
		kill -KILL $left 2>/dev/null || true
		((SECONDS < until)) || die "these processes cannot be ended: ${left//$'\n'/ }"
		sleep 0.05
	done
}

# remove_cgroup GROUP removes it, empty, from every tree, also from that of
# version 2 beside version 1, where container runtimes leave theirs.
remove_cgroup() {
	local tree
	for tree in $(cgroup_trees) /sys/fs/cgroup/unified; do
		[[ ! -d $tree/$1 ]] || find "$tree/$1" -depth -type d -exec rmdir {} +
	done
}
