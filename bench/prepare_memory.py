#!/usr/bin/env python3
"""The peak resident memory and the speed of `tutti data prepare` on a gigabyte of text.

In four shapes: a directory of files, one file, one document without any line end, and JSON lines.
Ends with status 1 when a peak is above the limit.

  tools/with_python bench/prepare_memory.py build/release/cli/tutti [--megabytes 1000]

Standard library only.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

BLOCK_BYTES = 20_000_000


def words_of(root):
    """The words of the project's own texts and sources, as often as they occur."""
    words = []
    for path in sorted([*root.glob("docs/**/*.md"), *root.glob("src/**/*.h"), root / "README.md"]):
        words += path.read_text().split()
    return words


def make_block(root, seed):
    """Sentences of those words, some on lines of their own; none of them twice."""
    rng = random.Random(seed)
    words = words_of(root)
    parts, size = [], 0
    while size < BLOCK_BYTES:
        sentence = " ".join(rng.choices(words, k=rng.randint(5, 40)))
        sentence += ".\n" if rng.random() < 0.3 else ". "
        parts.append(sentence)
        size += len(sentence.encode())
    return "".join(parts)


def write_shape(shape, block, blocks, work):
    """Writes `blocks` times the block; what it returns is the input to prepare."""
    if shape == "directory":
        folder = work / "directory"
        folder.mkdir()
        for i in range(blocks):
            for j in range(20):
                piece = block[j * len(block) // 20:(j + 1) * len(block) // 20]
                (folder / f"{i:03}-{j:02}.txt").write_text(piece)
        return folder
    path = work / ("corpus.jsonl" if shape == "jsonl" else f"{shape}.txt")
    with path.open("w") as out:
        for _ in range(blocks):
            if shape == "jsonl":
                for line in block.split("\n"):
                    if line:
                        out.write(json.dumps({"text": line}) + "\n")
            else:
                out.write(block.replace("\n", " ") if shape == "no-lines" else block)
    return path


def run(command):
    """Wall seconds, CPU seconds and the peak resident bytes of a command."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {error.decode()}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tutti")
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--limit-megabytes", type=int, default=500)
    parser.add_argument("--vocab", type=int, default=8192)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--shapes", default="directory,file,no-lines,jsonl")
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    work = pathlib.Path(tempfile.mkdtemp())
    worst = 0
    try:
        block = make_block(root, 1)
        sample = work / "sample.txt"
        sample.write_text(block)
        tokenizer = work / "tokenizer.json"
        run([options.tutti, "tokenizer", "train", sample, "--vocab", str(options.vocab), "--out",
             tokenizer])
        for shape in options.shapes.split(","):
            blocks = max(1, options.megabytes * 1_000_000 // BLOCK_BYTES)
            source = write_shape(shape, block, blocks, work)
            size = sum(p.stat().st_size for p in ([source] if source.is_file() else source.iterdir()))
            wall, cpu, peak = run([options.tutti, "data", "prepare", source, "--tokenizer", tokenizer,
                                   "--out", work / "out", "--threads", str(options.threads)])
            worst = max(worst, peak)
            print(f"{shape:10} {size / 1e6:7.0f} MB  {wall:6.1f} s  {size / 1e6 / wall:6.1f} MB/s  "
                  f"{cpu / wall:4.2f} cores busy  {peak / 1e6:6.1f} MB resident at most", flush=True)
            shutil.rmtree(work / "out")
            if source.is_dir():
                shutil.rmtree(source)
            else:
                source.unlink()
    finally:
        shutil.rmtree(work)
    return 1 if worst > options.limit_megabytes * 1_000_000 else 0


if __name__ == "__main__":
    sys.exit(main())
