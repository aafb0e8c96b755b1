#!/bin/sh
# The conformance checks by ranks of MPI: with messages as large as MPI takes them, and calls
# compared; and with every message cut into pieces of 256 bytes.
#
#   MPIEXEC=mpirun conformance_test.sh PATH_OF_MPI_CONFORMANCE RANKS
set -eu
here=$(dirname "$0")
"$here/run_mpi.sh" "$2" "$1" 1073741824 1
"$here/run_mpi.sh" "$2" "$1" 256 0
