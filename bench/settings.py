"""Steps of Tutti with different settings, in alternation: time, memory and share of the first's.

    bench/settings --sizes '--preset gpt2-124m --batch 4 --seq 1024' -- '' '--recompute full'
    bench/settings --ranks 2 --sizes '--batch 8 --micro-batch 1' -- '--pp 2' '--pp 2 --schedule zb-h1'

Each argument behind -- is one setting, as options of step_bench; the first is what the others are
compared with. Nothing else may run meanwhile.
"""

import argparse
import shlex
import statistics

from side import Side


def start(options, setting):
    command = [options.program, *shlex.split(options.sizes), *shlex.split(setting), "--threads",
               str(options.threads), "--stdin"]
    if options.ranks > 1:
        command = ["tests/mpi/run_mpi.sh", str(options.ranks), *command]
    return Side(command)


def measure(options):
    sides = [start(options, setting) for setting in options.settings]
    for side in sides:
        side.call("step")
    turns = [[side.call("step")["seconds"] for side in sides] for _ in range(options.turns)]
    summaries = [side.call("summary") for side in sides]
    for side in sides:
        side.end()
    return turns, summaries


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="", help="options of step_bench that all settings share")
    parser.add_argument("--ranks", type=int, default=1, help="more than one: under MPI")
    parser.add_argument("--threads", type=int, default=1, help="of a rank")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--program", default="build/release/bench/step_bench")
    parser.add_argument("settings", nargs="+")
    options = parser.parse_args()
    turns, summaries = measure(options)
    for i, setting in enumerate(options.settings):
        ratios = [turn[i] / turn[0] for turn in turns]
        seconds = statistics.median(turn[i] for turn in turns)
        print(f"{setting or '(as it is)'}\n"
              f"  {seconds:.3f} s a step, {statistics.median(ratios):.3f} of the first's "
              f"({min(ratios):.3f} to {max(ratios):.3f}, {len(turns)} turns); "
              f"{summaries[i]['planned_bytes'] / 2**20:.0f} MiB planned, "
              f"{summaries[i]['peak_resident_bytes'] / 2**20:.0f} MiB resident")


if __name__ == "__main__":
    main()
