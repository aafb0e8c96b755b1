#!/bin/sh
# `tutti train` on several ranks, as a user calls it: the losses are those of one rank whatever the
# layout, one rank prints, a mistake is one line, and a signal ends all ranks. Ranks are threads,
# and where MPIEXEC is set also processes.
#
#   ranks_test.sh PATH_OF_TUTTI
set -u
. tests/e2e/tiny_run.sh
. tests/e2e/many_ranks.sh
here=$(dirname "$0")

# same NAME RANKS SETTING...: a run on RANKS threads has the losses of the run on one rank.
same() {
  name=$1 ranks=$2
  shift 2
  "$tutti" train "$work/tiny.toml" run.dir="$work/$name" --ranks "$ranks" "$@" >"$work/out" \
    2>"$work/err" || fail "$name: $(tail -n 1 "$work/err")"
  one_speaks "$name" "$ranks" "$work/err"
  same_losses "$work/$name" || fail "$name: the losses differ"
}

same dp 4 parallel.dp=4
grep -q '^dp = 4$' "$work/dp/config.toml" || fail 'config.toml of the run has not its layout'
same default 4
grep -q '^shard = 4$' "$work/default/config.toml" || fail 'the default layout is not shard = 4'
same zero-2 4 parallel.dp=2 parallel.shard=2 parallel.zero=2
same zero-3 4 parallel.shard=4 parallel.zero=3 parallel.prefetch=2
same zero-3-kept 4 parallel.shard=4 parallel.zero=3 parallel.reshard_after_forward=false
same zero-3-tp 4 parallel.shard=2 parallel.tp=2 parallel.zero=3
same zero-3-offload 4 parallel.shard=4 parallel.zero=3 parallel.offload=parameters,optimizer \
  parallel.offload_dir="$disk"
same microbatch 4 parallel.shard=4 parallel.zero=1 parallel.grad_reduce=microbatch
same tp 4 parallel.tp=4 parallel.sequence_parallel=false
same ring 2 parallel.cp=2
same ring-tp 4 parallel.cp=2 parallel.tp=2
same gather 4 parallel.cp=4 parallel.context_parallel=gather parallel.zero=1
same ulysses 4 parallel.cp=2 parallel.dp=2 parallel.context_parallel=ulysses parallel.check_calls=true
same pipeline 2 parallel.pp=2 train.micro_batch=1
same pipeline-budget 2 parallel.pp=2 train.micro_batch=1 parallel.recompute=budget \
  parallel.stash_mib=1
same full 2 parallel.dp=2 parallel.recompute=full
same pipeline-zb 4 parallel.pp=2 parallel.tp=2 train.micro_batch=1 parallel.schedule=zb-h1
same pipeline-zero 4 parallel.pp=2 parallel.shard=2 parallel.zero=3 train.micro_batch=1 \
  parallel.schedule=zero-bubble parallel.schedule_memory=2
printf '%s\n' F0,F1,B0,F2,B1,F3,B2,F4,B3,F5,B4,F6,B5,F7,B6,B7 \
  F0,B0,F1,B1,F2,B2,F3,B3,F4,B4,F5,B5,F6,B6,F7,B7 >"$work/own.csv"
same pipeline-file 2 parallel.pp=2 train.micro_batch=1 parallel.schedule=file \
  parallel.schedule_file="$work/own.csv" parallel.stages=1,1

# A pipeline evaluates as one rank does: the same validation loss, to 1e-5, with a tied embedding on
# two stages.
validation() {
  name=$1
  shift
  "$tutti" train "$work/tiny.toml" run.dir="$work/$name" model.tied_embeddings=true train.steps=4 \
    data.validation="$work/data/train" train.eval_every=4 train.eval_batches=6 "$@" \
    >"$work/out" 2>"$work/err" || fail "$name: $(tail -n 1 "$work/err")"
  grep -o '"val_loss":[0-9.]*' "$work/$name/log.jsonl" | cut -d: -f2
}
expected=$(validation tied-one)
for layout in 'parallel.zero=3' 'parallel.zero=1 parallel.schedule=zb-h1'; do
  # shellcheck disable=SC2086  # one word a setting
  got=$(validation "tied-$(echo "$layout" | tr -dc 0-9)" --ranks 4 parallel.pp=2 parallel.shard=2 \
    train.micro_batch=1 train.eval_batches=3 $layout)
  awk -v a="$got" -v b="$expected" 'BEGIN { exit !(b > 0 && (a - b) ^ 2 <= (1e-5 * b) ^ 2) }' ||
    fail "$layout: validation loss $got, on one rank $expected"
done

# The axes say how many ranks there are, where nobody else does.
"$tutti" train "$work/tiny.toml" run.dir="$work/axes" parallel.dp=2 >"$work/out" 2>"$work/err" ||
  fail "ranks by the axes: $(tail -n 1 "$work/err")"
one_speaks 'ranks by the axes' 2 "$work/err"

# refuse PATTERN ARGUMENT...: `tutti train` ends with status 1 and one line that matches.
refuse() {
  pattern=$1
  shift
  "$tutti" train "$work/tiny.toml" run.dir="$work/never" "$@" >"$work/out" 2>"$work/err"
  status=$?
  [ "$status" = 1 ] || fail "train $*: status $status, expected 1: $(cat "$work/err")"
  [ "$(wc -l <"$work/err")" = 1 ] || fail "train $*: not one line: $(cat "$work/err")"
  grep -q "error: .*$pattern" "$work/err" || fail "train $*: no '$pattern' in: $(cat "$work/err")"
  [ ! -e "$work/never" ] || fail "train $*: a refused run left a directory"
}

refuse 'the run has 3 ranks, but parallel asks for 4 .*start 4 ranks, or' --ranks 3 parallel.dp=4
refuse 'model.heads = 4 .* parallel.tp = 3' --ranks 3 parallel.tp=3
refuse 'parallel.zero = 3 has nothing to shard over' --ranks 4 parallel.dp=4 parallel.zero=3
refuse 'train.global_batch = 6 is not a multiple of 4 .*set train.global_batch = 4 or 8' --ranks 4 \
  train.global_batch=6
refuse 'parallel.cp = 4 exchanges positions for heads.*set context_parallel = ' --ranks 4 \
  parallel.cp=4 parallel.context_parallel=ulysses
refuse 'train.seq_len = 36 .*parallel.cp' --ranks 8 parallel.cp=8 train.seq_len=36
pipeline() {
  pattern=$1
  shift
  refuse "$pattern" --ranks 2 parallel.pp=2 train.micro_batch=1 "$@"
}
pipeline 'parallel.pp = 2 stages of 2 chunks for model.layers = 2' parallel.schedule=zbv
pipeline 'parallel.chunks = 3, but parallel.schedule = "zbv" has 2' parallel.schedule=zbv parallel.chunks=3
pipeline 'parallel.schedule_file is not set' parallel.schedule=file
pipeline 'no-such.csv' parallel.schedule=file parallel.schedule_file=no-such.csv
sed 's/B0,F2/F2/' "$work/own.csv" >"$work/short.csv"
pipeline 'short.csv: stage 0: .*B0' parallel.schedule=file parallel.schedule_file="$work/short.csv"
pipeline 'own.csv: 2 stages and 8 microbatches, but parallel.pp = 2 and a step has 4' \
  parallel.schedule=file parallel.schedule_file="$work/own.csv" train.micro_batch=2
printf 'F0,F1,F2,F3,F4,F5,F6,F7\nF0,F1,F2,F3,F4,F5,F6,F7\n' >"$work/forward.csv"
pipeline 'forward.csv: no backward pass' parallel.schedule=file parallel.schedule_file="$work/forward.csv"
printf 'F1,F0,B0,B1\nF0,B0,F1,B1\n' >"$work/crossed.csv"
pipeline 'crossed.csv: stage 1: F of microbatch 0 where its neighbour has microbatch 1' \
  parallel.schedule=file parallel.schedule_file="$work/crossed.csv" train.global_batch=2
pipeline 'parallel.schedule_memory is for' parallel.schedule_memory=2
refuse 'parallel.stage_speeds is for a pipeline, but parallel.pp = 1' parallel.stage_speeds=1
pipeline 'parallel.stages = "3,1" does not give each of 2 positions' parallel.stages=3,1
pipeline 'parallel.stages = "1,x": expected positive numbers' parallel.stages=1,x
pipeline 'parallel.stage_speeds = "1" has 1 numbers' parallel.stage_speeds=1
pipeline 'parallel.recompute = "budget", but parallel.stash_mib is not set' parallel.recompute=budget
pipeline 'parallel.memory_mib = 1, but a rank of stage 0 takes' parallel.memory_mib=1 model.vocab=9000
pipeline 'parallel.stash_mib = 1 is for parallel.recompute = "budget"' parallel.stash_mib=1
pipeline 'parallel.stage_speeds is for' parallel.stage_speeds=1,1 parallel.stages=equal
refuse 'data.train: .*no/such' --ranks 4 data.train=no/such
cp -r "$work/dp" "$work/taken"
"$tutti" train "$work/tiny.toml" run.dir="$work/taken" --ranks 4 >"$work/out" 2>"$work/err" &&
  fail 'a run was begun over another one'
[ "$(wc -l <"$work/err")" = 1 ] || fail "a run over another one: not one line: $(cat "$work/err")"
grep -q 'error: .*holds a run already' "$work/err" || fail "not said: $(cat "$work/err")"

# A signal ends all ranks after the step under way, and the status says which it was. The run goes on
# from there on another number of ranks.
for signal in TERM:143 INT:130; do
  dir="$work/stopped-${signal%:*}"
  "$tutti" train "$work/tiny.toml" --ranks 4 train.steps=1000000 run.dir="$dir" >"$work/out" \
    2>"$work/err" &
  pid=$!
  await_steps "$dir" 10 "$pid"
  kill -s "${signal%:*}" "$pid"
  wait "$pid"
  status=$?
  [ "$status" = "${signal#*:}" ] || fail "SIG${signal%:*}: status $status: $(tail -n 3 "$work/err")"
  [ "$(grep -c '^stopped after step' "$work/err")" = 1 ] || fail "SIG${signal%:*}: not said once"
  step=$(wc -l <"$dir/log.jsonl")
  "$tutti" ckpt verify "$dir" >"$work/out" || fail "the checkpoint is broken: $(cat "$work/out")"
  "$tutti" train "$work/tiny.toml" --ranks 2 train.steps=$((step + 2)) run.dir="$dir" --resume \
    >"$work/out" 2>"$work/err" || fail "resume after SIG${signal%:*}: $(tail -n 1 "$work/err")"
  each_step_once "$dir" $((step + 2)) ||
    fail "SIG${signal%:*}: the log has not each of $((step + 2)) steps once"
done

[ -n "${MPIEXEC:-}" ] || {
  echo 'threads passed; MPIEXEC is not set, or this build has no MPI'
  exit 0
}

# train_mpi RANKS ARGUMENT...
train_mpi() {
  ranks=$1
  shift
  timeout -k 1 60 "$here/../mpi/run_mpi.sh" "$ranks" "$tutti" train "$work/tiny.toml" "$@" \
    >"$work/out" 2>"$work/err"
}

train_mpi 4 run.dir="$work/processes" parallel.shard=2 parallel.tp=2 parallel.zero=3 ||
  fail "mpirun: $(cat "$work/err")"
one_speaks mpirun 4 "$work/err"
same_losses "$work/processes" || fail 'mpirun: the losses differ'

# A signal to one rank stops all, whichever it is; the status says so.
train_mpi 4 run.dir="$work/signalled" train.steps=1000000 &
pid=$!
await_steps "$work/signalled" 10 "$pid"
kill -s TERM "$(rank_processes "$work/signalled" | tail -n 1)"
wait "$pid"
status=$?
[ "$status" = 143 ] || fail "SIGTERM to a rank: status $status: $(cat "$work/err")"
[ "$(grep -c '^stopped after step' "$work/err")" = 1 ] || fail "SIGTERM to a rank: not said once"

# refuse_mpi PATTERN ARGUMENT...: the job fails, and one of its 4 ranks says why.
refuse_mpi() {
  pattern=$1
  shift
  train_mpi 4 run.dir="$work/never" "$@" && fail "mpirun train $*: status 0"
  [ "$(grep -c "$pattern" "$work/err")" = 1 ] ||
    fail "mpirun train $*: not one '$pattern' in: $(cat "$work/err")"
  [ "$(grep -c 'error: \| error rank' "$work/err")" = 1 ] ||
    fail "mpirun train $*: more than one error: $(cat "$work/err")"
  [ ! -e "$work/never" ] || fail "mpirun train $*: a refused run left a directory"
}

refuse_mpi 'error: --ranks: ' --ranks many
refuse_mpi 'the run has 4 ranks, but parallel asks for 2 ' parallel.dp=2
refuse_mpi 'ranks 2, but the job that started this process has 4' --ranks 2
refuse_mpi 'model.heads = 4 .* parallel.tp = 8' parallel.tp=8
refuse_mpi 'parallel.zero = 3 has nothing to shard over' parallel.dp=4 parallel.zero=3
refuse_mpi 'train.global_batch = 6 is not a multiple of 4' train.global_batch=6
refuse_mpi 'data.train: .*no/such' data.train=no/such
# Ranks that were started with different arguments, or whose files differ.
refuse_mpi "$work/none.toml" parallel.dp=5 train.global_batch=10 : -n 1 "$tutti" train "$work/none.toml"
refuse_mpi 'rank 4 has another config than rank 0: lr = 0.1, there lr = 0.01' parallel.shard=5 \
  train.global_batch=10 : -n 1 "$tutti" train "$work/tiny.toml" run.dir="$work/never" \
  parallel.shard=5 train.global_batch=10 optim.lr=0.1
echo passed
