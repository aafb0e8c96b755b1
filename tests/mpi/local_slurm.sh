# A Slurm of this machine alone, with its own daemons, ports and key, below one directory. Sourced;
# for root. It starts no service and reads no configuration of the system.

# What is missing for it, or nothing.
slurm_lacks() {
  for program in munged slurmctld slurmd srun sbatch scontrol scancel sinfo squeue; do
    command -v "$program" >/dev/null || {
      echo "$program is not installed (packages slurm-wlm and munge)"
      return
    }
  done
  [ "$(id -u)" = 0 ] || echo 'the daemons of Slurm need root'
}

# A port of loopback that nobody listens on.
free_port() {
  tools/with_python -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# start_slurm DIR CPUS: one node, which has CPUS whatever the machine has. Sets SLURM_CONF, which is
# all that srun and sbatch need. Requires that everyone may enter DIR. Fails with a line that says
# what did not start.
start_slurm() {
  slurm_dir=$1
  slurm_daemons=
  export SLURM_CONF="$slurm_dir/slurm.conf"
  owner=root
  if getent passwd munge >/dev/null; then owner=munge; fi
  mkdir "$slurm_dir" "$slurm_dir/munge" "$slurm_dir/state" "$slurm_dir/spool"
  head -c 128 /dev/urandom >"$slurm_dir/munge/key"
  chmod 755 "$slurm_dir" "$slurm_dir/munge"
  chmod 400 "$slurm_dir/munge/key"
  chown -R "$owner" "$slurm_dir/munge"
  setpriv --reuid="$owner" --regid="$owner" --init-groups munged --foreground --socket="$slurm_dir/munge/socket" \
    --key-file="$slurm_dir/munge/key" --pid-file="$slurm_dir/munge/pid" \
    --log-file="$slurm_dir/munge/log" --seed-file="$slurm_dir/munge/seed" \
    >"$slurm_dir/munged.out" 2>&1 &
  slurm_daemons="$!"
  cat >"$slurm_dir/slurm.conf" <<END
ClusterName=local
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
AuthType=auth/munge
# A job that is queued again waits for the lifetime of its credential.
AuthInfo=socket=$slurm_dir/munge/socket,cred_expire=5
StateSaveLocation=$slurm_dir/state
SlurmdSpoolDir=$slurm_dir/spool
SlurmctldPidFile=$slurm_dir/slurmctld.pid
SlurmdPidFile=$slurm_dir/slurmd.pid
SlurmctldLogFile=$slurm_dir/slurmctld.log
SlurmdLogFile=$slurm_dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,batch_sched_delay=0
MpiDefault=pmix
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=$(hostname -s) NodeAddr=127.0.0.1 CPUs=$2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
  await_slurm "$slurm_dir/munged.out" test -S "$slurm_dir/munge/socket" || return 1
  slurmctld -D >"$slurm_dir/slurmctld.out" 2>&1 &
  slurm_daemons="$slurm_daemons $!"
  slurmd -D >"$slurm_dir/slurmd.out" 2>&1 &
  slurm_daemons="$slurm_daemons $!"
  await_slurm "$slurm_dir/slurmd.out" node_is_idle
}

node_is_idle() { [ "$(sinfo -h -o %T 2>/dev/null)" = idle ]; }

# await_slurm FILE COMMAND...: until COMMAND succeeds; else prints the end of what a daemon wrote.
await_slurm() {
  said=$1
  shift
  for _ in $(seq 600); do
    "$@" && return
    sleep 0.1
  done
  echo "Slurm does not start: $* fails; $(tail -n 3 "$said" | tr '\n' ';')"
  return 1
}

# The processes of the Slurm that was started: daemons, and jobs that they have started.
slurm_left() {
  set -- /proc/[0-9]*/environ  # before this function starts others
  env -u SLURM_CONF grep -lzs "^SLURM_CONF=$slurm_dir/" "$@" | cut -d / -f 3
}

# Ends the jobs, then the daemons; kills what is left after seconds. Does nothing before
# start_slurm.
stop_slurm() {
  [ -n "${slurm_daemons:-}" ] || return 0
  scancel --quiet --user=root 2>/dev/null
  for _ in $(seq 50); do
    [ -n "$(squeue -h 2>/dev/null)" ] || break
    sleep 0.1
  done
  kill $slurm_daemons 2>/dev/null
  for _ in $(seq 50); do
    [ -n "$(slurm_left)" ] || break
    sleep 0.1
  done
  for pid in $(slurm_left); do kill -KILL "$pid"; done
  wait $slurm_daemons 2>/dev/null
  slurm_daemons=
}
