#!/usr/bin/env bash
# Checks that what Souk needs is on this machine and installs what is missing.
# It says what it will install, starts no system daemon, and leaves none enabled.
# With everything there it does nothing and needs neither root nor a network.
# With --tests it sees to what only the tests need as well, with --e2e to what
# the Kubernetes test bed needs.
set -euo pipefail
cd "$(dirname "$0")/.."

GO_MIN=1.26
lists=(scripts/packages.debian services/*/packages.debian)
case ${1:-} in
--tests) lists+=(scripts/packages-tests.debian) ;;
--e2e) lists+=(scripts/packages-e2e.debian) ;;
esac

die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

check_go() {
	local how="Get it from https://go.dev/dl/ - for example:
    curl -fsSLO https://go.dev/dl/go$GO_MIN.0.linux-$(dpkg --print-architecture 2>/dev/null || echo amd64).tar.gz
    sudo tar -C /usr/local -xzf go$GO_MIN.0.linux-*.tar.gz
    export PATH=\$PATH:/usr/local/go/bin"
	command -v go >/dev/null || die "Go $GO_MIN or newer is needed, and there is no 'go' in PATH. $how"
	local have
	have=$(GOTOOLCHAIN=local go env GOVERSION)
	have=${have#go}
	printf '%s\n%s\n' "$GO_MIN" "${have%% *}" | sort --check=quiet --version-sort ||
		die "Go $GO_MIN or newer is needed; this one is $have. $how"
}

# missing prints the packages whose files are not there.
missing() {
	local pattern package
	while read -r pattern package _; do
		[[ -z $pattern || $pattern == '#'* ]] && continue
		compgen -G "$pattern" >/dev/null || printf '%s\n' "$package"
	done < <(cat "${lists[@]}" 2>/dev/null) | sort -u
}

explain_elsewhere() {
	cat >&2 <<-TEXT
	setup: this is not a Debian machine, so nothing is installed for you. Souk needs, and does not find:
	$(printf '  - %s (the name is Debian'\''s)\n' "$@")
	In words: the server programs of PostgreSQL 15 or newer (initdb and postgres, in
	/usr/lib/postgresql/VERSION/bin, /usr/pgsql-VERSION/bin or PATH) and its client psql.
	No database server needs to run: souk dev starts its own.
	With these in place but not found, build and start by hand:
	  go build -o bin/souk ./cmd/souk && bin/souk dev
	TEXT
	exit 1
}

as_root() {
	if [[ $(id -u) == 0 ]]; then "$@"; return; fi
	command -v sudo >/dev/null || die "installing needs root, and there is no sudo here. As root, run: apt-get install ${packages[*]}"
	sudo "$@"
}

install_packages() {
	printf 'setup: installing with apt-get: %s\n' "${packages[*]}"
	if [[ $(id -u) != 0 ]] && command -v sudo >/dev/null; then printf 'setup: sudo may ask for your password\n'; fi
	# One privileged run, so that whatever happens in it is also put right in it.
	as_root bash -c "$(cat <<-'ROOT'
	set -euo pipefail
	export DEBIAN_FRONTEND=noninteractive
	policy=/usr/sbin/policy-rc.d clusters=/etc/postgresql-common/createcluster.d dropin=
	mine=
	units() { find /usr/lib/systemd/system /lib/systemd/system -maxdepth 1 -name '*.service' -printf '%f\n' 2>/dev/null | sort -u; }
	before=$(units)
	restore() {
		[ -z "$mine" ] || rm -f "$policy"
		[ -z "$dropin" ] || rm -f "$dropin"
	}
	trap restore EXIT
	if [ ! -e "$policy" ]; then # nothing that is installed now gets started
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		mine=yes
	fi
	apt-get -qq -o Acquire::Retries=3 update
	if printf '%s\n' "$@" | grep -q '^postgresql-[0-9]*$'; then # nor gets a cluster of the system's own
		apt-get -qq -o Acquire::Retries=3 -y --no-install-recommends install postgresql-common >/dev/null
		mkdir -p "$clusters"
		dropin=$clusters/souk-setup.conf
		echo 'create_main_cluster = false' >"$dropin"
	fi
	apt-get -qq -o Acquire::Retries=3 -y --no-install-recommends install "$@" >/dev/null
	for unit in $(comm -13 <(printf '%s\n' "$before") <(units)); do # nothing of the system's starts with the machine either
		package=$(dpkg-query -S "*/systemd/system/$unit" | head -1 | cut -d: -f1)
		DPKG_MAINTSCRIPT_PACKAGE=$package deb-systemd-helper disable "$unit" >/dev/null 2>&1 || true
	done
	ROOT
	)" setup "${packages[@]}" </dev/null
	local still
	still=$(missing)
	[[ -z $still ]] || die "still missing after the installation: $still"
}

check_go
mapfile -t packages < <(missing)
((${#packages[@]})) || exit 0
command -v apt-get >/dev/null || explain_elsewhere "${packages[@]}"
install_packages
