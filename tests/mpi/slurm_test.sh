#!/bin/sh
# `tutti train` as a job of Slurm, one that runs on this machine alone: by srun, by the template
# configs/slurm/train.sbatch, which queues itself again when it is told to stop, and with a rank that
# is killed. Skipped (77) where Slurm is not installed or does not start.
#
#   MPIEXEC=mpirun slurm_test.sh PATH_OF_TUTTI
set -u
. tests/mpi/local_slurm.sh

skip() {
  echo "skipped: $1"
  exit 77
}
lacks=$(slurm_lacks)
[ -z "$lacks" ] || skip "$lacks"
"${MPIEXEC:-mpirun}" --version 2>&1 | grep -q 'Open MPI\|OpenRTE' ||
  skip 'the template is for Open MPI'
. tests/e2e/tiny_run.sh
. tests/e2e/many_ranks.sh

trap 'stop_slurm; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
chmod 755 "$work"
start_slurm "$work/slurm" 4 >"$work/out" 2>&1 || skip "$(cat "$work/out")"

# in_slurm ARGUMENT...: `tutti train` on four ranks that srun starts.
in_slurm() {
  timeout -k 1 60 srun --mpi=pmix --ntasks=4 "$tutti" train "$work/tiny.toml" "$@" >"$work/out" \
    2>"$work/err"
}

in_slurm run.dir="$work/srun" || fail "srun: $(cat "$work/err")"
one_speaks srun 4 "$work/err"
same_losses "$work/srun" || fail 'srun: the losses differ'

in_slurm run.dir="$work/never" parallel.dp=2 && fail 'srun: a wrong layout: status 0'
[ "$(grep -c 'error: the run has 4 ranks, but parallel asks for 2 ' "$work/err")" = 1 ] ||
  fail "srun: a wrong layout is not said once: $(cat "$work/err")"

in_slurm run.dir="$work/killed" train.steps=1000000 &
pid=$!
await_steps "$work/killed" 10 "$pid"
[ "$(rank_processes "$work/killed" | wc -l)" = 4 ] || fail 'srun: not four processes'
kill -KILL "$(rank_processes "$work/killed" | tail -n 1)"
wait "$pid" && fail 'srun: a killed rank: status 0'
grep -q 'task [0-3]: Killed' "$work/err" || fail "srun: a killed rank: $(cat "$work/err")"
none_left 'srun: a killed rank' "$work/killed"

# await_job ID FILE: until no job is queued or runs.
await_job() {
  for _ in $(seq 600); do
    [ -n "$(squeue -h)" ] || return 0
    sleep 0.1
  done
  fail "the job does not end: $(scontrol show job "$1"); $(tail -n 5 "$2")"
}

# The job's program, with as many steps as a file says: a run ends when it is told to, however fast the
# machine is and however late Slurm's signal, and goes on for a few steps then.
cat >"$work/tutti" <<END
#!/bin/sh
exec "$tutti" "\$@" train.steps=\$(cat "$work/steps")
END
chmod 755 "$work/tutti"
echo 1000000 >"$work/steps"

# What the job sends its ranks before the time limit, here at once.
export CONFIG="$work/tiny.toml" TUTTI="$work/tutti" RUN_DIR="$work/sbatch"
log="$work/job.log"
job=$(sbatch --parsable --output="$log" configs/slurm/train.sbatch checkpoint.every=0) || fail 'sbatch'
await_steps "$RUN_DIR" 10 $$
scancel --signal=TERM "$job"
# The job waits for seconds before it runs again.
for _ in $(seq 1200); do
  step=$(sed -n 's/^stopped after step \([0-9]*\) of 1000000.*/\1/p' "$log")
  [ -z "$step" ] || break
  sleep 0.05
done
[ -n "$step" ] || fail "sbatch: not stopped: $(tail -n 20 "$log")"
last=$((step + 300))
echo $last >"$work/steps"
await_job "$job" "$log"
grep -q "^steps .*; $step are done" "$log" || fail "sbatch: not from step $step: $(cat "$log")"
[ "$(grep -c "^done after step $last of $last" "$log")" = 1 ] || fail "sbatch: $(tail -n 5 "$log")"
[ "$(grep -c '^layout  *4 ranks: ' "$log")" = 2 ] || fail "sbatch: not two runs: $(cat "$log")"
each_step_once "$RUN_DIR" "$last" || fail "sbatch: the log has not each of $last steps once"
scontrol show job "$job" | grep -q 'JobState=COMPLETED .*' ||
  fail "sbatch: the job did not complete: $(scontrol show job "$job")"

# Once more: there is nothing to do.
job=$(sbatch --parsable --output="$log.2" configs/slurm/train.sbatch checkpoint.every=0) ||
  fail 'sbatch'
await_job "$job" "$log.2"
grep -q '^nothing to do' "$log.2" || fail "sbatch of a run that is done: $(cat "$log.2")"
none_left sbatch "$RUN_DIR"

stop_slurm
[ -z "$(slurm_left)" ] || fail "processes of Slurm are left: $(slurm_left)"
echo passed
