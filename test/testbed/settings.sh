# What the scripts of the test bed have in common. Sourced, never run.
# shellcheck shell=bash disable=SC2034
set -euo pipefail

bed=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PATH=$PATH:/usr/local/go/bin:/usr/sbin:/sbin

# Everything of a running bed is below dir; what is kept between beds is below cache.
dir=${SOUK_TESTBED_DIR:-/var/tmp/souk-testbed}
cache=${SOUK_TESTBED_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/souk/testbed}
pids=$dir/pids logs=$dir/logs certs=$dir/certificates
kubeconfig=$dir/kubeconfig

kubernetes_version=v1.36.3
cnpg_version=1.27.0

# The network: a bridge to which this machine and every node belong. The last
# octet of a node's address is 10 plus its number.
bridge=testbed0
host_ip=10.211.0.1
node_net=10.211.0
pod_net=10.212 # node N has $pod_net.N.0/24
service_net=10.213
balancer_net=10.211.1.0/24 # addresses of Services of type LoadBalancer
dns_ip=$service_net.0.10
apiserver=$host_ip:36443
registry=$host_ip:5000
max_nodes=9

# Of the control groups, all that the bed starts is below this one, so that
# nothing can be missed when it is taken down.
cgroup=testbed-souk

say() { printf 'testbed: %s\n' "$*"; }
die() { printf 'testbed: %s\n' "$*" >&2; exit 1; }

# wait_for SECONDS WHAT COMMAND... runs the command until it succeeds.
wait_for() {
	local until=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		((SECONDS < until)) || die "gave up waiting for $what; the logs are in $logs"
		sleep 0.1
	done
}

# alone closes what whoever called has open: what runs on must not keep a lock of
# theirs.
alone() { exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; }

kubectl() { "$dir/bin/kubectl" --kubeconfig "$kubeconfig" "$@"; }
node_ip() { echo "$node_net.$((10 + $1))"; }
node_netns() { echo "testbed-node-$1"; }
node_numbers() { cat "$dir/nodes" 2>/dev/null; }
is_running() { [[ -e $dir/ready ]] && kubectl get --raw /readyz --request-timeout 5s >/dev/null 2>&1; }

# stamp is a name for what the given files say, to build it once.
stamp() { cat "$@" | sha256sum | cut -c1-12; }

# shellcheck source=cgroups.sh
. "$bed/cgroups.sh"
