#!/usr/bin/env python3
"""Times greedy decoding and prompts of Tutti and Hugging Face transformers side by side.

Both stay alive as processes and single runs alternate, A B A B, so that what else the machine does
hits both alike. Of each pair the ratio of tokens per second (Tutti / transformers) is taken: median,
least and largest are printed, for decoding and for prompts, with weights in FP32 and in BF16 on
Tutti's side, and FP32 on that of transformers. The bytes that Tutti must read for a token give its
share of the bandwidth of reading memory, which is measured in the same run. Run by
bench/vs_transformers; a configuration takes minutes.

    bench/vs_transformers --quick                 a tiny model, few runs: proves that it works
    bench/vs_transformers --threads 2 --weights f32
"""

import argparse
import itertools
import json
import pathlib
import statistics
import sys

from side import Side


def size_arguments(options, threads):
    return ["--preset", options.preset, "--threads", str(threads), "--prompt", str(options.prompt),
            "--start", str(options.start), "--tokens", str(options.tokens)]


def measure(options, threads, weights):
    sizes = size_arguments(options, threads)
    tutti = Side([options.program, *sizes, "--weights", weights, "--stdin"])
    theirs = Side([sys.executable, "bench/transformers_decode.py", *sizes, "--dtype",
                   options.their_dtype])
    if tutti.description["parameters"] != theirs.description["parameters"]:
        raise SystemExit(f"not one model: {tutti.description['parameters']} parameters and "
                         f"{theirs.description['parameters']}")
    seconds, bandwidth = {}, [tutti.call("bandwidth")["memory_bytes_per_s"]]
    for command in ("decode", "prompt"):
        for _ in range(options.warmup):
            tutti.call(command)
            theirs.call(command)
        seconds[command] = [(tutti.call(command)["seconds"], theirs.call(command)["seconds"])
                            for _ in range(options.pairs)]
        bandwidth.append(tutti.call("bandwidth")["memory_bytes_per_s"])
    result = {"preset": options.preset, "threads": threads, "weights": weights,
              "their_dtype": options.their_dtype, "prompt": options.prompt,
              "start": options.start, "tokens": options.tokens, "seconds": seconds,
              "memory_bytes_per_s": bandwidth, "tutti": tutti.description,
              "transformers": theirs.description}
    tutti.end()
    theirs.end()
    return result


def report(result):
    tutti, theirs = result["tutti"], result["transformers"]
    print(f"{result['preset']}, {result['threads']} threads, weights {result['weights']} "
          f"({tutti['kernels']}, {tutti['matrix_library']}; transformers {theirs['transformers']}, "
          f"PyTorch {theirs['torch']}, {result['their_dtype']}, {theirs['attention']}, "
          f"{theirs['decoding']})")
    for command, tokens in (("decode", result["tokens"]), ("prompt", result["prompt"])):
        pairs = result["seconds"][command]
        ratio = [b / a for a, b in pairs]
        ours, others = (tokens / statistics.median(pair[side] for pair in pairs)
                        for side in (0, 1))
        print(f"  {command:<8} ratio of tokens/s {statistics.median(ratio):.3f} ({min(ratio):.3f} to "
              f"{max(ratio):.3f}, {len(ratio)} pairs); Tutti {ours:.1f}, transformers {others:.1f}")
        if command == "decode":
            peak, bytes_per_s = max(result["memory_bytes_per_s"]), ours * tutti["token_bytes"]
            print(f"  memory   Tutti decodes at {bytes_per_s / 1e9:.1f} GB/s, "
                  f"{bytes_per_s / peak:.0%} of {peak / 1e9:.1f} GB/s "
                  f"({', '.join(f'{p / 1e9:.1f}' for p in result['memory_bytes_per_s'])})")
    sys.stdout.flush()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=("llama-tiny", "smollm2-135m"), default="smollm2-135m")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--weights", nargs="+", choices=("f32", "bf16"), default=["f32", "bf16"],
                        help="of Tutti")
    parser.add_argument("--their-dtype", choices=("f32", "bf16"), default="f32",
                        help="of transformers' weights and activations")
    parser.add_argument("--prompt", type=int, default=512, help="tokens of the prompt")
    parser.add_argument("--start", type=int, default=16, help="tokens before those decoded")
    parser.add_argument("--tokens", type=int, default=64, help="tokens decoded")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--program", default="build/release/bench/decode_bench")
    parser.add_argument("--json", type=pathlib.Path, help="append each result as a line of JSON")
    parser.add_argument("--quick", action="store_true", help="a tiny model: a smoke run")
    options = parser.parse_args()
    options.program = str(pathlib.Path(options.program).resolve())
    if options.quick:
        options.preset, options.threads, options.prompt = "llama-tiny", [1], 64
        options.tokens, options.pairs = 16, 7
    return options


def main():
    options = parse_options()
    for threads, weights in itertools.product(options.threads, options.weights):
        result = measure(options, threads, weights)
        report(result)
        if options.json:
            with options.json.open("a") as out:
                out.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
