#!/bin/sh
# A run resumed from any of its steps, in a new process, goes on bit for bit: dropout, accumulation
# of two microbatches, warm-up, and the end of an epoch on the way. One run of 60 steps keeps a
# checkpoint of each; from each a copy of the run goes on to the end.
#
#   resume_test.sh PATH_OF_TUTTI
set -u
. tests/e2e/tiny_run.sh

"$tutti" train "$work/tiny.toml" checkpoint.every=1 checkpoint.keep=0 2>"$work/err" ||
  fail "the whole run: $(tail -1 "$work/err")"
results "$work/run" >"$work/whole"
[ "$(wc -l <"$work/whole")" = 60 ] || fail "the log has $(wc -l <"$work/whole") lines, expected 60"
tensors "$work/run/step-000060" >"$work/whole-tensors"
[ "$(wc -l <"$work/whole-tensors")" -gt 40 ] || fail 'ckpt inspect lists no tensors'
samples=$(grep -o '[0-9]* samples of 32' "$work/err" | sed 's/ .*//')
[ "$samples" -lt 240 ] || fail "an epoch of $samples samples does not end within 60 steps of 4"

same=0
for step in $(seq 1 60); do
  name=$(printf 'step-%06d' "$step")
  copy="$work/copy"
  mkdir "$copy"
  cp -r "$work/run/$name" "$work/run/config.toml" "$work/run/log.jsonl" "$copy"
  "$tutti" train "$work/tiny.toml" run.dir="$copy" --resume 2>"$work/err" ||
    fail "resuming from step $step: $(tail -1 "$work/err")"
  results "$copy" | cmp -s - "$work/whole" || fail "from step $step: other losses or gradient norms"
  tensors "$copy/step-000060" | cmp -s - "$work/whole-tensors" ||
    fail "from step $step: other parameters or optimizer state at the end"
  # What was resumed from step 60 had nothing to do; all others wrote their end anew.
  [ "$step" = 60 ] || [ "$(ls -d "$copy"/step-* | wc -l)" -ge 2 ] || fail "step $step wrote nothing"
  same=$((same + 1))
  rm -r "$copy"
done
echo "$same of 60 resumed runs are identical to the run that was not interrupted"
