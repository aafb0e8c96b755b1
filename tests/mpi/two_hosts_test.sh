#!/bin/sh
# `tutti train` as one job of MPI on two hosts: network namespaces of this machine, each with a name
# and an address of its own, joined by a cable. The losses are those of one host; a rank that is
# killed ends the job on both, and so does a cable that is cut. Skipped (77) without root, iproute2
# or Open MPI.
#
#   MPIEXEC=mpirun two_hosts_test.sh PATH_OF_TUTTI
set -u
mpiexec=${MPIEXEC:-mpirun}

skip() {
  echo "skipped: $1"
  exit 77
}
[ "$(id -u)" = 0 ] || skip 'network namespaces need root'
for program in ip unshare "$mpiexec"; do
  command -v "$program" >/dev/null || skip "$program is not installed"
done
"$mpiexec" --version 2>&1 | grep -q 'Open MPI\|OpenRTE' || skip "$mpiexec is not of Open MPI"

. tests/e2e/tiny_run.sh
. tests/e2e/many_ranks.sh

network=10.200.0
space="tutti$$-"  # and the number of the host

remove_hosts() {
  for host in 1 2; do
    for pid in $(ip netns pids "$space$host" 2>/dev/null); do kill -KILL "$pid"; done
    ip netns delete "$space$host" 2>/dev/null
  done
}
trap 'remove_hosts; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# Two hosts that see each other and nothing else.
for host in 1 2; do
  ip netns add "$space$host" 2>"$work/err" || skip "ip netns: $(cat "$work/err")"
done
ip link add name veth0 netns "${space}1" type veth peer name veth0 netns "${space}2" \
  2>"$work/err" || skip "a veth pair: $(cat "$work/err")"
for host in 1 2; do
  ip -n "$space$host" address add "$network.$host/24" dev veth0
  ip -n "$space$host" link set lo up
  ip -n "$space$host" link set veth0 up
done

# In place of ssh: `on_host ADDRESS COMMAND...` runs a line of shell on the host with the address.
cat >"$work/on_host" <<END
#!/bin/sh
number=\${1##*.}
shift
exec ip netns exec "$space\$number" unshare --uts sh -c 'hostname "\$0" && exec sh -c "\$1"' \\
  "host-\$number" "\$*"
END
chmod +x "$work/on_host"
printf '%s slots=2\n' "$network.1" "$network.2" >"$work/hostfile"

# train_hosts ARGUMENT...: `tutti train` on two ranks of each host. The daemons of Open MPI notice
# only by keepalive that the other host is gone, and that by default after eight minutes.
train_hosts() {
  timeout -k 1 90 "$work/on_host" "$network.1" exec "$mpiexec" --allow-run-as-root --bind-to none \
    --hostfile "$work/hostfile" -n 4 --mca plm_rsh_agent "$work/on_host" --mca btl tcp,self \
    --mca btl_tcp_if_include veth0 --mca oob_tcp_if_include veth0 --mca mpi_yield_when_idle 1 \
    --mca oob_tcp_keepalive_time 3 --mca oob_tcp_keepalive_intvl 1 \
    --mca oob_tcp_keepalive_probes 3 \
    "$tutti" train "$work/tiny.toml" "$@" >"$work/out" 2>"$work/err"
}

train_hosts run.dir="$work/hosts" parallel.shard=2 parallel.tp=2 parallel.zero=3 ||
  fail "two hosts: $(cat "$work/err")"
one_speaks 'two hosts' 4 "$work/err"
same_losses "$work/hosts" || fail 'two hosts: the losses differ'

# A rank of the second host is killed.
train_hosts run.dir="$work/killed" train.steps=1000000 &
pid=$!
await_steps "$work/killed" 10 "$pid"
for host in 1 2; do
  ip netns pids "$space$host" | sort >"$work/there"
  rank_processes "$work/killed" | sort | comm -12 - "$work/there" >"$work/ranks.$host"
  [ "$(wc -l <"$work/ranks.$host")" = 2 ] || fail "host $host has not two of the ranks"
done
kill -KILL "$(head -n 1 "$work/ranks.2")"
wait "$pid" && fail 'a killed rank: status 0'
grep -q 'rank [23] with PID [0-9]* on node .*2 exited on signal 9' "$work/err" ||
  fail "a killed rank: not said: $(cat "$work/err")"
[ "$(grep -c 'rank [0-3] failed: \| signal 9' "$work/err")" = 1 ] ||
  fail "a killed rank: not one cause: $(cat "$work/err")"
none_left 'a killed rank' "$work/killed"
for host in 1 2; do
  for _ in $(seq 40); do
    left=$(ip netns pids "$space$host")
    [ -n "$left" ] || break
    sleep 0.05
  done
  [ -z "$left" ] || fail "a killed rank: host $host still has the processes $left"
done

# The cable is cut: both hosts lose the other. On the second one a daemon of Open MPI may stay, but no
# rank.
train_hosts run.dir="$work/cut" train.steps=1000000 parallel.timeout_s=5 &
pid=$!
await_steps "$work/cut" 10 "$pid"
ip -n "${space}2" link set veth0 down
wait "$pid"
status=$?
case $status in 0 | 124 | 137) fail "a cut cable: status $status: $(cat "$work/err")" ;; esac
grep -q ' rank [01] failed: .* waited 5.0 s for rank.* on host host-2' "$work/err" ||
  fail "a cut cable: not said: $(cat "$work/err")"
[ "$(grep -c 'rank [0-3] failed: ' "$work/err")" = 1 ] ||
  fail "a cut cable: not one cause: $(cat "$work/err")"
none_left 'a cut cable' "$work/cut"
echo passed
