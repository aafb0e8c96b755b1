#!/usr/bin/env python3
"""Times all-reduce between threads of one process (Tutti) and MPI_Allreduce between processes.

In alternation, A B A B, each pair starts both anew: comm_bench --backend threads, and mpi_all_reduce
under mpirun, with as many ranks and bytes, floats, out of place. Both time a call from when all ranks
are ready to when the last is done; the first call is not counted. Prints the ratio of the medians of
each pair (MPI's seconds / Tutti's, so that 2 is twice as fast): median, least and largest; and the
medians of both. Ends with status 1 when the median is below --target. Nothing else may run meanwhile,
and the machine should have a core for each rank. Run by bench/all_reduce.

    bench/all_reduce
    bench/all_reduce --mpirun "mpirun --bind-to none"    other settings of MPI

Standard library only.
"""

import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys


def median_seconds(command):
    """Of the calls that a program prints, a line of JSON each."""
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return statistics.median(json.loads(line)["seconds"] for line in lines.splitlines())


def tutti_command(options):
    return [options.build / "comm_bench", "--backend", "threads", "--call", "all_reduce",
            "--ranks", str(options.ranks), "--bytes", str(options.bytes), "--repeat",
            str(options.repeat)]


def mpi_command(options):
    return [*shlex.split(options.mpirun), "-n", str(options.ranks),
            options.build / "mpi_all_reduce", str(options.bytes), str(options.repeat)]


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--bytes", type=int, default=64_000_000, help="of a rank")
    parser.add_argument("--repeat", type=int, default=20, help="calls of each side in a pair")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--target", type=float, default=2.0)
    parser.add_argument("--mpirun", default="mpirun", help="the launcher, with its options")
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release/bench"))
    return parser.parse_args()


def main():
    options = parse_options()
    # As root Open MPI refuses otherwise.
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    pairs = [(median_seconds(tutti_command(options)), median_seconds(mpi_command(options)))
             for _ in range(options.pairs)]
    ratio = [mpi / tutti for tutti, mpi in pairs]
    ours, theirs = (statistics.median(side) for side in zip(*pairs))
    print(f"all-reduce of {options.bytes / 1e6:g} MB over {options.ranks} ranks\n"
          f"  ratio of times  {statistics.median(ratio):.2f}  ({min(ratio):.2f} to "
          f"{max(ratio):.2f}, {len(ratio)} pairs)\n"
          f"  median          Tutti {1e3 * ours:.1f} ms, MPI {1e3 * theirs:.1f} ms")
    return 0 if statistics.median(ratio) >= options.target else 1


if __name__ == "__main__":
    sys.exit(main())
