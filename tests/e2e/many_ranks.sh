# What the tests of training on several ranks share. Sourced after tiny_run.sh, whose config it makes
# one of $steps steps whose batches 4 ranks can divide.

steps=6
sed -i "s/^steps = .*/steps = $steps/; s/^micro_batch = .*/micro_batch = 1/
  s/^global_batch = .*/global_batch = 8/; s/^warmup_steps = .*/warmup_steps = 2/" "$work/tiny.toml"

# The run that the others are compared with.
"$tutti" train "$work/tiny.toml" run.dir="$work/one" >"$work/out" 2>"$work/err" ||
  fail "one rank: $(tail -n 1 "$work/err")"

# same_losses DIR: whether a run has the losses of $work/one, to 1e-5; prints where it does not.
same_losses() {
  for dir in "$work/one" "$1"; do
    sed 's/^{"step":\([0-9]*\),"loss":\([^,]*\),.*/\1 \2/' "$dir/log.jsonl" >"$dir.losses"
  done
  paste -d ' ' "$work/one.losses" "$1.losses" | awk -v steps="$steps" '
    { difference = $2 - $4
      if ($1 != NR || $3 != NR || difference > 1e-5 || difference < -1e-5) {
        print "step " NR ": " $0; bad = 1
      } }
    END { if (NR != steps) { print NR " steps, expected " steps; bad = 1 } exit bad }'
}

# one_speaks NAME RANKS FILE: what a finished run of RANKS ranks has printed comes from one of them.
one_speaks() {
  for line in '^run  ' '^model  ' "^layout  *$2 ranks: " '^done after step' '^checkpoint  '; do
    [ "$(grep -c "$line" "$3")" = 1 ] || fail "$1: not one line '$line': $(cat "$3")"
  done
  [ "$(grep -c "^step [0-9]*/$steps  loss" "$3")" = "$steps" ] ||
    fail "$1: not one line a step: $(cat "$3")"
}

# each_step_once DIR STEPS: the log of a run that was cut.
each_step_once() {
  sed 's/{"step":\([0-9]*\),.*/\1/' "$1/log.jsonl" |
    awk -v steps="$2" '$1 != NR { exit 1 } END { if (NR != steps) exit 1 }'
}

# await_steps DIR STEPS PID: until the run's log has STEPS steps; fails when PID ends before, or
# after a minute.
await_steps() {
  for _ in $(seq 1200); do
    [ "$(cat "$1/log.jsonl" 2>/dev/null | wc -l)" -ge "$2" ] && return
    kill -0 "$3" 2>/dev/null || fail "the run ended by itself: $(tail -n 3 "$work/err")"
    sleep 0.05
  done
  fail "$1: not $2 steps after a minute: $(tail -n 3 "$work/err")"
}

# The processes that are ranks of the run in a directory.
rank_processes() {
  for process in $(grep -lzs "^run.dir=$1\$" /proc/[0-9]*/cmdline | cut -d / -f 3); do
    if [ "$(cat "/proc/$process/comm" 2>/dev/null)" = tutti ]; then echo "$process"; fi
  done
}

# none_left NAME DIR: no rank of the run is there any more, after ten seconds at most.
none_left() {
  for _ in $(seq 200); do
    left=$(rank_processes "$2")
    [ -n "$left" ] || return 0
    sleep 0.05
  done
  fail "$1: processes are left: $left"
}
