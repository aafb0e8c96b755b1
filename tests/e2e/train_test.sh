#!/bin/sh
# `tutti train` and `tutti eval` as a user calls them: what a run leaves, what it refuses, and how
# it ends when it is told to stop.
#
#   train_test.sh PATH_OF_TUTTI
set -u
. tests/e2e/tiny_run.sh

# refuse PATTERN ARGUMENT...: `tutti train` ends with status 1 and one line that matches.
refuse() {
  pattern=$1
  shift
  "$tutti" train "$work/tiny.toml" "$@" >"$work/out" 2>"$work/err"
  status=$?
  [ "$status" = 1 ] || fail "train $*: status $status, expected 1: $(cat "$work/err")"
  [ "$(wc -l <"$work/err")" = 1 ] || fail "train $*: not one line: $(cat "$work/err")"
  grep -q -e "$pattern" "$work/err" || fail "train $*: no '$pattern' in: $(cat "$work/err")"
}

refuse 'parallel.pp = 3 stages for model.layers = 2' parallel.pp=3
refuse '"weights" is none of parameters' parallel.offload=weights
refuse 'data.train.*no/such' data.train=no/such
refuse 'train.seq_len = 128 is longer than model.context = 64' train.seq_len=128
refuse 'train.global_batch = 5 is not a multiple' train.global_batch=5
refuse '300 tokens, but model.vocab is 200' model.vocab=200
refuse 'needs .* of memory, but .* available.*parameters' model.embed=65536 model.mlp=262144 \
  model.layers=8 model.heads=512 model.kv_heads=512
refuse 'holds no run to resume' --resume
: >"$work/file"
refuse "$work/file.*not a directory" run.dir="$work/file"
refuse "$work/file/run" run.dir="$work/file/run"
refuse '/proc/no-such-place' run.dir=/proc/no-such-place/run
[ ! -e "$work/run" ] || fail 'a refused run left a directory'

# A run with evaluations; what it leaves is enough for eval, without the config.
"$tutti" train "$work/tiny.toml" train.steps=30 train.eval_every=10 \
  data.validation="$work/data/train" train.eval_batches=1000 --json \
  >"$work/json" 2>"$work/err" || fail "train: $(tail -1 "$work/err")"
tools/with_python -m json.tool "$work/json" >"$work/out" || fail 'train --json is not JSON'
planned=$(sed -n 's/.*"planned_bytes": \([0-9]*\).*/\1/p' "$work/out")
allocated=$(sed -n 's/.*"allocated_bytes": \([0-9]*\).*/\1/p' "$work/out")
[ -n "$planned" ] && [ "$planned" = "$allocated" ] || fail "planned $planned, allocated $allocated"
for left in config.toml tokenizer.json log.jsonl tensorboard latest; do
  [ -e "$work/run/$left" ] || fail "the run left no $left"
done
for word in parameters gradients optimizer stash scratch; do
  grep -q "^memory .*$word" "$work/err" || fail "the plan does not say its $word"
done
[ "$(grep -c '"val_loss"' "$work/run/log.jsonl")" = 3 ] || fail 'not three evaluations in 30 steps'
val_loss=$(sed -n 's/.*"step":30,.*"val_loss":\([0-9.]*\).*/\1/p' "$work/run/log.jsonl")
"$tutti" eval "$work/run" --data "$work/data/train" --json >"$work/out" 2>"$work/err" ||
  fail "eval: $(cat "$work/err")"
grep -q "\"loss\": $val_loss,\$" "$work/out" || fail "eval: not $val_loss: $(cat "$work/out")"
"$tutti" eval "$work/run/step-000030" --data "$work/data/train" --batches 2 >"$work/out" ||
  fail 'eval of a checkpoint'
grep -q '^tokens  *128 in 2 batches' "$work/out" || fail "eval --batches 2: $(cat "$work/out")"

# The run stays when another one would begin in its place, and goes on with --resume.
refuse 'holds a run already' train.seed=7
refuse 'optim.lr = 0.5, but the run to resume has 0.01' optim.lr=0.5 train.steps=40 --resume
"$tutti" train "$work/tiny.toml" train.steps=40 --resume --profile >"$work/out" 2>"$work/err" ||
  fail "resume with more steps: $(tail -1 "$work/err")"
[ "$(wc -l <"$work/run/log.jsonl")" = 40 ] || fail 'the log has not each of 40 steps once'
grep -q '^linear F' "$work/out" || fail "--profile shows no linear: $(head -3 "$work/out")"

# run_and_signal SIGNAL DIR: starts a run without end, and sends SIGNAL once it has logged 30 steps.
# A background job of sh ignores SIGINT until the program asks for it, which is part of the test.
run_and_signal() {
  "$tutti" train "$work/tiny.toml" train.steps=1000000 checkpoint.every=20 run.dir="$2" \
    2>"$work/err" &
  pid=$!
  until [ "$(cat "$2/log.jsonl" 2>/dev/null | wc -l)" -ge 30 ]; do
    kill -0 "$pid" 2>"$work/out" || fail "the run ended by itself: $(tail -1 "$work/err")"
    sleep 0.05
  done
  kill -s "$1" "$pid"
  wait "$pid" 2>"$work/out"
}

steps_logged_once() {
  sed 's/{"step":\([0-9]*\),.*/\1/' "$1/log.jsonl" | awk '$1 != NR { exit 1 }' ||
    fail "the log of $1 has not each step once"
}

# SIGTERM and SIGINT: the step is finished, the checkpoint written, and the run can go on.
for signal in TERM:143 INT:130; do
  dir="$work/stopped-${signal%:*}"
  run_and_signal "${signal%:*}" "$dir"
  status=$?
  [ "$status" = "${signal#*:}" ] || fail "SIG${signal%:*}: status $status, expected ${signal#*:}: $(tail -2 "$work/err")"
  grep -q '^stopped after step [0-9]* of 1000000' "$work/err" || fail "SIG${signal%:*}: not said"
  step=$(wc -l <"$dir/log.jsonl")
  [ -d "$dir/$(printf 'step-%06d' "$step")" ] || fail "no checkpoint of the last step, $step"
  "$tutti" ckpt verify "$dir" >"$work/out" || fail "the checkpoint is broken: $(cat "$work/out")"
  "$tutti" train "$work/tiny.toml" run.dir="$dir" train.steps=$((step + 2)) --resume \
    2>"$work/err" || fail "resume after SIG${signal%:*}: $(tail -1 "$work/err")"
  steps_logged_once "$dir"
  [ "$(wc -l <"$dir/log.jsonl")" = $((step + 2)) ] || fail "the log does not end at $((step + 2))"
done

# Killed without a warning, wherever it is: it goes on from a checkpoint that is whole.
run_and_signal KILL "$work/killed"
step=$(wc -l <"$work/killed/log.jsonl")
"$tutti" train "$work/tiny.toml" run.dir="$work/killed" --resume train.steps=$((step + 50)) \
  2>"$work/err" || fail "resume after SIGKILL: $(tail -1 "$work/err")"
steps_logged_once "$work/killed"
[ "$(wc -l <"$work/killed/log.jsonl")" = $((step + 50)) ] || fail "not $((step + 50)) steps"
echo passed
