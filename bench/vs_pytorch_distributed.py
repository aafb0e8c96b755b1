#!/usr/bin/env python3
"""Times training steps of several ranks of Tutti and of PyTorch side by side on this machine.

Modes: "dp" is data parallelism, which PyTorch calls DistributedDataParallel; "zero3" cuts
parameters, gradients and optimizer state over the ranks, in PyTorch FSDP2 (fully_shard on each
block and on the root); "pp" is a pipeline of a stage a rank with 1F1B (Tutti's with --schedule), in
PyTorch torch.distributed.pipelining. Tutti's ranks are started by mpirun and speak over MPI;
PyTorch's speak over gloo. GPT-2 in FP32 with AdamW on random tokens; one thread a rank.

Both sides stay alive and take turns of a few steps, A B A B, so that what else the machine does hits
both alike; who waits uses next to no CPU. A step takes from when all ranks are ready to when the last
is done. For each mode prints the ratio of tokens per second (Tutti / PyTorch) over the pairs of
turns: median, least and largest; the tokens per second of both, of all ranks together; and the peak
of resident memory of the rank that had most. Nothing else may run meanwhile, and the machine should
have a core for each rank. Run by bench/vs_pytorch_distributed; a mode takes minutes.

    bench/vs_pytorch_distributed --quick            tiny model, few steps: proves that it works
    bench/vs_pytorch_distributed --mode zero3 --pairs 9 --steps 3
    bench/vs_pytorch_distributed --mode pp --batch 8 --micro-batch 1 --split 7 5
"""

import argparse
import json
import os
import pathlib
import statistics
import sys

from gpt2_sizes import SIZES
from side import Side

MODES = ("dp", "zero3", "pp")


def size_arguments(options, mode):
    return ["--preset", options.preset, "--batch", str(options.batch), "--seq", str(options.seq),
            "--threads", "1",
            *(["--micro-batch", str(options.micro_batch)] if mode == "pp" else [])]


def start_tutti(options, mode):
    ranks = str(options.ranks)
    layout = {"dp": ["--dp", ranks], "zero3": ["--shard", ranks, "--zero", "3"],
              "pp": ["--pp", ranks, "--schedule", options.schedule]}
    return Side(["tests/mpi/run_mpi.sh", ranks, options.program, *size_arguments(options, mode),
                 *layout[mode], "--stdin", *(["--profile"] if options.profile else [])])


def start_pytorch(options, mode):
    layout = {"dp": ["ddp"], "zero3": ["fsdp"], "pp": ["pipeline"]}
    if options.split:
        layout["pp"] += ["--split", *map(str, options.split)]
    return Side([sys.executable, "bench/pytorch_ranks.py", *size_arguments(options, mode),
                 "--ranks", str(options.ranks), "--optimizer", options.optimizer, "--parallel",
                 *layout[mode]])


def turn(side, steps):
    """Seconds of each step."""
    return [side.call("step")["seconds"] for _ in range(steps)]


def measure(options, mode):
    sides = tutti, torch = start_tutti(options, mode), start_pytorch(options, mode)
    for side in sides:
        turn(side, options.warmup)
    turns = [[turn(side, options.steps) for side in sides] for _ in range(options.pairs)]
    result = {
        "mode": mode, "ranks": options.ranks, "preset": options.preset, "batch": options.batch,
        "seq": options.seq, "data_ranks": 1 if mode == "pp" else options.ranks,
        "micro_batch": options.micro_batch if mode == "pp" else options.batch,
        "seconds": turns,
        "ratio": [sum(b) / sum(a) for a, b in turns],
        "tutti": {**tutti.description, **tutti.call("summary")},
        "pytorch": {**torch.description, **torch.call("summary")},
    }
    for side in sides:
        side.end()
    return result


def report(result):
    ours, theirs = (statistics.median(second for pair in result["seconds"] for second in pair[side])
                    for side in (0, 1))
    samples = result["data_ranks"] * result["batch"]
    tokens = samples * result["seq"]
    ratio, mib = result["ratio"], 2**20
    tutti, torch = result["tutti"], result["pytorch"]
    print(f"{result['mode']}, {result['preset']}, {result['ranks']} ranks, {samples} x "
          f"{result['seq']} a step, {result['micro_batch']} at once ({tutti['kernels']}, "
          f"{tutti['matrix_library']}, MPI; PyTorch {torch['torch']}, {torch['parallel']}, gloo, "
          f"AdamW {torch['optimizer']})\n"
          f"  ratio of tokens/s  {statistics.median(ratio):.3f}  ({min(ratio):.3f} to "
          f"{max(ratio):.3f}, {len(ratio)} pairs of {len(result['seconds'][0][0])} steps)\n"
          f"  tokens/s           Tutti {tokens / ours:.0f}, PyTorch {tokens / theirs:.0f}\n"
          f"  peak memory        of a rank: Tutti {tutti['peak_resident_bytes'] / mib:.0f} MiB "
          f"(planned {tutti['planned_bytes'] / mib:.0f}), PyTorch "
          f"{torch['peak_resident_bytes'] / mib:.0f} MiB (before the model "
          f"{torch['empty_resident_bytes'] / mib:.0f})\n"
          f"  sent a step        by a rank: Tutti "
          f"{tutti['sent_bytes'] / tutti['steps'] / mib:.0f} MiB", flush=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--preset", choices=SIZES, default="gpt2-124m")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4,
                        help="samples a step of a rank; of a pipeline's ranks together")
    parser.add_argument("--micro-batch", type=int, default=1, help="samples at once in a pipeline")
    parser.add_argument("--split", type=int, nargs="+", metavar="LAYERS",
                        help="of each of PyTorch's stages; missing: balanced, with the head counted")
    parser.add_argument("--schedule", default="1f1b",
                        help="of Tutti's pipeline; PyTorch's is 1F1B")
    parser.add_argument("--seq", type=int, default=256)
    parser.add_argument("--steps", type=int, default=2, help="of a turn")
    parser.add_argument("--pairs", type=int, default=7, help="of turns that are measured")
    parser.add_argument("--warmup", type=int, default=2, help="steps before the first turn")
    parser.add_argument("--optimizer", choices=("fused", "foreach"), default="fused",
                        help="PyTorch's AdamW")
    parser.add_argument("--profile", action="store_true",
                        help="print where the time of Tutti's first rank goes, on standard error")
    parser.add_argument("--program", default="build/release/bench/step_bench")
    parser.add_argument("--json", type=pathlib.Path, help="append each result as a line of JSON")
    parser.add_argument("--quick", action="store_true", help="a tiny model: a smoke run")
    options = parser.parse_args()
    options.program = str(pathlib.Path(options.program).resolve())
    if options.quick:
        options.preset, options.batch, options.seq = "gpt2-tiny", 2, 64
        options.warmup = 1
    return options


def main():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    options = parse_options()
    for mode in options.mode:
        result = measure(options, mode)
        report(result)
        if options.json:
            with options.json.open("a") as out:
                out.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
