#!/bin/sh
# Runs a program as ranks of this machine, more than it has cores if need be, as root or not.
#
#   MPIEXEC=mpirun run_mpi.sh RANKS PROGRAM ARGUMENT...
set -eu
# MPI libraries leave memory behind.
export ASAN_OPTIONS=detect_leaks=0
mpiexec=${MPIEXEC:-mpirun}
ranks=$1
shift
if "$mpiexec" --version 2>&1 | grep -q 'Open MPI\|OpenRTE'; then
  # As root it refuses otherwise.
  root=$([ "$(id -u)" = 0 ] && echo --allow-run-as-root || true)
  set -- $root --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 "$@"
fi
exec "$mpiexec" -n "$ranks" "$@"
