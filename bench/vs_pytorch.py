#!/usr/bin/env python3
"""Times training steps of Tutti and PyTorch side by side.

Both stay alive as processes and single steps alternate, A B A B, so that what else the machine does
hits both alike. For each configuration prints the ratio of tokens per second (Tutti / PyTorch) over
the pairs: median, least and largest; each side's share of the matrix-product peak, which is
measured in the same run as the better of the two libraries'; the peak of resident memory; and the
bytes that Tutti planned. Run by bench/vs_pytorch; a configuration takes minutes.

    bench/vs_pytorch --quick                     tiny model, few steps: proves that it works
    bench/vs_pytorch --seq 256 --threads 2 --mode eager
"""

import argparse
import itertools
import json
import pathlib
import statistics
import sys

from gpt2_sizes import SIZES
from side import Side


def model_flops(preset, batch, seq):
    """Of one step, the same for both: 6 for each weight of a product and token, and causal
    attention, of which only the half below the diagonal counts. Recomputation does not."""
    layers, embed, _, vocab, _ = SIZES[preset]
    weights = 12 * layers * embed**2 + vocab * embed
    return batch * seq * (6 * weights + 6 * layers * seq * embed)


def pytorch_command(options, batch, seq, threads, mode):
    command = [sys.executable, "bench/pytorch_step.py", "--preset", options.preset,
               "--batch", str(batch), "--seq", str(seq), "--threads", str(threads)]
    return command + (["--compile"] if mode == "compile" else [])


def choose_optimizer(options, threads):
    command = pytorch_command(options, 1, 1, threads, "eager") + ["--time-optimizers"]
    side = Side(command)
    side.end()
    return side.description


def measure(options, batch, seq, threads, mode):
    chosen = choose_optimizer(options, threads)
    tutti = Side([options.program, "--preset", options.preset, "--batch", str(batch), "--seq",
                  str(seq), "--threads", str(threads), "--stdin"])
    torch = Side(pytorch_command(options, batch, seq, threads, mode)
                 + ["--optimizer", chosen["optimizer"]])
    for _ in range(options.warmup):
        tutti.call("step")
        torch.call("step")
    seconds = [(tutti.call("step")["seconds"], torch.call("step")["seconds"])
               for _ in range(options.steps)]
    ours, theirs = tutti.call("summary"), torch.call("summary")
    peaks = [side.call("peak")["matrix_flops_per_s"] for side in (tutti, torch)]
    result = {
        "preset": options.preset, "batch": batch, "seq": seq, "threads": threads, "mode": mode,
        "seconds": seconds,
        "ratio": [b / a for a, b in seconds],
        "peaks_flops_per_s": peaks,
        "tutti": {**tutti.description, **ours}, "pytorch": {**torch.description, **theirs},
        "adamw_seconds": chosen["seconds"],
    }
    tutti.end()
    torch.end()
    return result


def report(result):
    a = statistics.median(pair[0] for pair in result["seconds"])
    b = statistics.median(pair[1] for pair in result["seconds"])
    tokens = result["batch"] * result["seq"]
    peak = max(result["peaks_flops_per_s"])
    flops = model_flops(result["preset"], result["batch"], result["seq"])
    ratio, mib = result["ratio"], 2**20
    tutti, torch = result["tutti"], result["pytorch"]
    print(f"{result['preset']} {result['batch']} x {result['seq']}, {result['threads']} threads, "
          f"{result['mode']} ({tutti['kernels']}, {tutti['matrix_library']}; PyTorch "
          f"{torch['torch']}, AdamW {torch['optimizer']})\n"
          f"  ratio of tokens/s  {statistics.median(ratio):.3f}  ({min(ratio):.3f} to "
          f"{max(ratio):.3f}, {len(ratio)} pairs)\n"
          f"  tokens/s           Tutti {tokens / a:.0f}, PyTorch {tokens / b:.0f}\n"
          f"  share of peak      Tutti {flops / a / peak:.1%}, PyTorch {flops / b / peak:.1%} of "
          f"{peak / 1e9:.0f} GFLOP/s ({', '.join(f'{p / 1e9:.0f}' for p in result['peaks_flops_per_s'])})\n"
          f"  peak memory        Tutti {tutti['peak_resident_bytes'] / mib:.0f} MiB (planned "
          f"{tutti['planned_bytes'] / mib:.0f}, {tutti['planned_bytes']} bytes), PyTorch "
          f"{torch['peak_resident_bytes'] / mib:.0f} MiB (before the model "
          f"{torch['empty_resident_bytes'] / mib:.0f})\n"
          f"  start to step 1    Tutti {tutti['start_to_first_step_s']:.2f} s (compiling "
          f"{tutti['compile_s']:.2f}), PyTorch {torch['start_to_first_step_s']:.2f} s", flush=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=SIZES, default="gpt2-124m")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seq", type=int, nargs="+", default=[256, 1024])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--mode", nargs="+", choices=("eager", "compile"),
                        help="of PyTorch; eager and compile when missing")
    parser.add_argument("--steps", type=int, default=9, help="pairs that are measured")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--program", default="build/release/bench/step_bench")
    parser.add_argument("--json", type=pathlib.Path, help="append each result as a line of JSON")
    parser.add_argument("--quick", action="store_true", help="a tiny model: a smoke run")
    options = parser.parse_args()
    options.program = str(pathlib.Path(options.program).resolve())
    if options.quick:
        options.preset, options.batch, options.seq, options.threads = "gpt2-tiny", 2, [64], [1]
        options.steps, options.warmup = 7, 2
    options.mode = options.mode or (["eager"] if options.quick else ["eager", "compile"])
    return options


def main():
    options = parse_options()
    for seq, threads, mode in itertools.product(options.seq, options.threads, options.mode):
        result = measure(options, options.batch, seq, threads, mode)
        report(result)
        if options.json:
            with options.json.open("a") as out:
                out.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
