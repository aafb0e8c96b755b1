#!/bin/sh
# A model whose training state is larger than the memory that the process may take trains with
# parallel.offload, bit for bit as without, and goes on from checkpoints of either kind.
#
#   offload_test.sh PATH_OF_TUTTI
set -u
. tests/e2e/tiny_run.sh

# 16.9M parameters: 270 MB of parameters, gradients and moments in FP32. Every checkpoint is 200 MB.
larger='model.layers=4 model.embed=512 model.heads=8 model.mlp=2048 train.steps=4 optim.warmup_steps=2 checkpoint.every=4
  checkpoint.keep=0 train.micro_batch=1'

run() { # name, memory in KiB or unlimited, overrides
  name=$1
  limit=$2
  shift 2
  # shellcheck disable=SC2086
  (ulimit -d "$limit" && "$tutti" train "$work/tiny.toml" $larger run.dir="$work/$name" "$@" \
    >"$work/out" 2>"$work/err")
}

run whole unlimited checkpoint.every=2 || fail "the run without offload: $(tail -1 "$work/err")"
results "$work/whole" >"$work/whole-results"
tensors "$work/whole/step-000004" >"$work/whole-tensors"
[ "$(wc -l <"$work/whole-tensors")" -gt 50 ] || fail 'ckpt inspect lists no tensors'

expect_whole() {
  results "$work/$1" | cmp -s - "$work/whole-results" || fail "$1: other losses or gradient norms"
  tensors "$work/$1/step-000004" | cmp -s - "$work/whole-tensors" || fail "$1: other tensors at the end"
}

limit=260000
run refused $limit && fail 'the run without offload fits in the limit: the test shows nothing'
grep -q 'are available (RLIMIT_DATA)' "$work/err" || fail "not refused: $(tail -1 "$work/err")"
[ -e "$work/refused" ] && fail 'a run that was refused made its directory'
# tight SETTING... -- KIB...: whatever the limit, a run is refused or has what it takes to the end;
# of these one is refused, and the last is not.
tight() {
  settings='' refused='' taken=''
  while [ "$1" != -- ]; do settings="$settings $1" && shift; done
  shift
  for kib; do
    # shellcheck disable=SC2086
    if run tight "$kib" train.steps=2 optim.warmup_steps=1 checkpoint.every=0 $settings; then
      taken=$kib
    else
      refused=$kib
      grep -q 'are available (RLIMIT_DATA)' "$work/err" ||
        fail "$settings, limit of $kib KiB: $(tail -1 "$work/err")"
    fi
    rm -rf "$work/tight"
  done
  [ -n "$refused" ] && [ "$taken" = "$kib" ] ||
    fail "$settings: refused with '$refused' KiB, taken with '$taken', $kib KiB the last"
}
tight train.threads=1 -- 290000 310000 320000 330000 350000
tight train.threads=8 -- 360000 380000 390000 400000 420000
tight train.threads=1 --ranks 2 -- 470000 490000 500000 510000 530000

run limited $limit checkpoint.every=2 parallel.offload=parameters,optimizer parallel.offload_dir="$disk" ||
  fail "the limited run: $(tail -1 "$work/err")"
expect_whole limited
set -- $(sed -n 's/^offloaded *\([0-9]*\) bytes planned to move in a step, \([0-9]*\) moved$/\1 \2/p' "$work/out" "$work/err")
[ $# = 2 ] && [ "$1" = "$2" ] && [ "$1" -gt 500000000 ] || fail "planned and moved: $*"

for offload in activations parameters,optimizer,activations; do
  run "$offload" unlimited parallel.offload="$offload" parallel.offload_to=host ||
    fail "$offload: $(tail -1 "$work/err")"
  expect_whole "$offload"
done

# Checkpoints of one kind of run go on in the other, evaluation fetches what is offloaded.
for from in whole limited; do
  mkdir "$work/from-$from"
  cp -r "$work/$from/step-000002" "$work/$from/config.toml" "$work/$from/log.jsonl" "$work/from-$from"
  offload=parallel.offload=none
  [ $from = whole ] && offload="parallel.offload=parameters,optimizer parallel.offload_dir=$disk"
  # shellcheck disable=SC2086
  run "from-$from" unlimited --resume $offload ||
    fail "going on from the $from run: $(tail -1 "$work/err")"
  expect_whole "from-$from"
done
run evaluated unlimited data.validation="$work/data/train" train.eval_every=2 train.eval_batches=2 ||
  fail "evaluation: $(tail -1 "$work/err")"
run evaluated-away $limit data.validation="$work/data/train" train.eval_every=2 train.eval_batches=2 \
  parallel.offload=parameters,optimizer parallel.offload_dir="$disk" ||
  fail "evaluation of what is offloaded: $(tail -1 "$work/err")"
loss() { grep -o '"val_loss":[0-9.]*' "$work/$1/log.jsonl"; }
[ -n "$(loss evaluated)" ] && [ "$(loss evaluated)" = "$(loss evaluated-away)" ] ||
  fail "validation: $(loss evaluated), offloaded $(loss evaluated-away)"

# Mistakes.
if [ "$(stat -f -c %T /dev/shm)" = tmpfs ]; then
  run memory unlimited parallel.offload=optimizer parallel.offload_dir=/dev/shm && fail 'tmpfs is taken'
  grep -q 'parallel.offload_dir: /dev/shm: a file system in memory' "$work/err" || fail "tmpfs: $(tail -1 "$work/err")"
fi
run absent unlimited parallel.offload=optimizer parallel.offload_dir=/no/such && fail '/no/such is taken'
grep -q 'parallel.offload_dir: /no/such: cannot create' "$work/err" || fail "no directory: $(tail -1 "$work/err")"
echo 'offloaded runs are the same, within their limit'
