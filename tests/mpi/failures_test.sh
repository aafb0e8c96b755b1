#!/bin/sh
# What a job of MPI does when a rank fails: it ends soon, with a status other than 0, one line that
# says why, and no process left.
#
#   MPIEXEC=mpirun failures_test.sh PATH_OF_MPI_FAILING_RANK
set -u
program=$1
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
timeout_s=2
# A launcher asks a rank to end, waits, and then kills it, one after the other.
end_s=5

fail() {
  echo "FAILED: $1" >&2
  sed 's/^/  /' "$work/err" >&2
  failures=$((failures + 1))
}

# start RANKS SCENARIO: in the background, as process $job.
start() {
  rm -f "$work"/rank.*
  timeout -k 1 20 "$here/run_mpi.sh" "$1" "$program" "$2" "$work" "$timeout_s" >"$work/err" 2>&1 &
  job=$!
  ranks=$1
}

# Waits until all ranks have written their process ids.
await_ranks() {
  for _ in $(seq 200); do
    [ "$(cat "$work"/rank.* 2>/dev/null | wc -l)" = "$ranks" ] && return
    sleep 0.05
  done
  fail "the ranks do not start"
  exit 1
}

# Whether the process is gone within a second; if it is not, it is killed.
ends() {
  for _ in $(seq 20); do
    state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)
    case "$state" in '' | Z | X) return 0 ;; esac
    sleep 0.05
  done
  kill -9 "$1"
  return 1
}

now_ms() { echo $(($(date +%s%N) / 1000000)); }

# expect_end NAME SECONDS PATTERN: within SECONDS of $begin one line matches, and soon after (how soon
# is the launcher's) the job ends with a status other than 0; no rank is left. What took longer is put
# into `late`.
expect_end() {
  while ! grep -q -e "$3" "$work/err" && kill -0 "$job" 2>/dev/null; do sleep 0.02; done
  reported=$(($(now_ms) - begin))
  wait "$job"
  status=$?
  ended=$(($(now_ms) - begin))
  [ "$status" != 0 ] || fail "$1: exit status 0"
  [ "$(grep -c -e "$3" "$work/err")" = 1 ] || fail "$1: expected one line with '$3'"
  [ "$reported" -lt $(($2 * 1000)) ] || late="$1: reported after $reported ms, expected $2 s"
  [ "$ended" -lt $((reported + end_s * 1000)) ] ||
    late="$1: ended after $ended ms, expected within $end_s s of the report"
  [ "$(grep -c 'failed:' "$work/err")" -le 1 ] || fail "$1: more than one cause"
  for pid in $(cat "$work"/rank.*); do
    ends "$pid" || fail "$1: process $pid is left"
  done
  echo "$1: reported after $reported ms, ended after $ended ms, status $status:" \
    "$(grep -m 1 -e "$3" "$work/err")"
}

# in_time CASE: a machine that does other things meanwhile may make it late, but not three times.
in_time() {
  for _ in 1 2 3; do
    late=
    "$1"
    [ -n "$late" ] || return 0
    echo "late: $late"
  done
  fail "$late"
}

mismatch() {
  begin=$(now_ms)
  start 4 mismatch
  expect_end 'a mismatch' 6 \
    'failed: rank 1 calls all_reduce of %loss: 5 x f32, sum; rank 0 calls all_reduce of %loss: 4 x'
}

give_up() {
  begin=$(now_ms)
  start 4 give_up
  expect_end 'a rank that gives up' 6 'rank 1 failed: the disk is full'
}

come_late() {
  start 4 come_late
  await_ranks
  begin=$(now_ms)
  expect_end 'a rank that does not come' $((timeout_s + 2)) \
    'rank [023] failed: all_reduce of %loss: .*ranks 0, 2, 3 waited 2.0 s for rank 1; rank 1, last: all_red'
}

leave_early() {
  start 3 leave_early
  await_ranks
  begin=$(now_ms)
  # Who began to wait first, which is no one's choice on a busy machine, says it.
  waits_at_end='failed: all_reduce of %loss: .* waited 2.0 s for rank 1; rank 1, in barrier end'
  waits_for_sum='failed: barrier end .*: rank 1 waited 2.0 s for ranks 0, 2; rank 0, in all_reduce of %loss'
  expect_end 'a rank that has left' $((timeout_s + 2)) "$waits_at_end\|$waits_for_sum"
}

# send SIGNAL RANK: to a rank in the middle of its work.
send() {
  start 4 go_on
  await_ranks
  sleep 0.5
  begin=$(now_ms)
  kill "-$1" "$(cat "$work/rank.$2")"
}

stop_rank() {
  send STOP 2
  expect_end 'a stopped rank' $((timeout_s + 2)) \
    'failed: all_reduce of %loss: .*waited 2.0 s for rank 2; rank 2 does not answer'
}

stop_rank_0() {
  send STOP 0
  expect_end 'a stopped rank 0' $((timeout_s + 2)) \
    'rank [123] failed: all_reduce of %loss: .*waited 2.0 s for rank 0; rank 0 does not answer'
}

kill_rank() {
  send KILL 2
  expect_end 'a killed rank' $((timeout_s + 2)) \
    'signal 9\|KILLED BY SIGNAL: 9\|rank 2 does not answer'
}

for case in mismatch give_up come_late leave_early stop_rank stop_rank_0 kill_rank; do
  in_time "$case"
done

timeout_s=20
start 2 sleep_meanwhile
wait "$job" || fail 'ranks that wait use the processor'

[ "$failures" = 0 ]
