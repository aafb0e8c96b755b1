#!/usr/bin/env python3
"""Compares the event files of runs, read by TensorBoard's own reader, with their log.jsonl.

    tensorboard_check.py --program build/release/cli/tutti

Of a run that went through, one that was killed and resumed, one that was stopped and resumed, one
that was killed before its first checkpoint and began again, and one that diverged: tags, steps, wall
times and values (to float32) must be those of the log. A flipped byte must not go unnoticed.
"""

import argparse
import json
import math
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np
from tensorboard.backend.event_processing import event_accumulator, event_file_loader
from tensorboard.compat.tensorflow_stub import errors, pywrap_tensorflow

from checks import Checks

ROOT = pathlib.Path(__file__).resolve().parents[2]
TAGS = {"train/loss": "loss", "train/grad_norm": "grad_norm", "train/lr": "lr",
        "train/loss_z": "loss_z", "speed/tokens_per_s": "tokens_per_s",
        "speed/step_time_s": "step_time_s", "speed/mfu": "mfu", "val/loss": "val_loss",
        "memory/resident_bytes": "memory_bytes"}
CONFIG = """
[model]
architecture = "llama"
layers = 2
embed = 16
heads = 4
mlp = 32
vocab = 300
context = 64
[data]
train = "{folder}/data/train"
validation = "{folder}/data/train"
[train]
steps = 120
eval_every = 7
eval_batches = 2
seq_len = 32
micro_batch = 2
threads = 1
[optim]
lr = 1e-2
"""


class Runs:
    """Trains in `folder`: a run's name is its directory there."""

    def __init__(self, program, folder):
        self.program = str(pathlib.Path(program).resolve())
        self.folder = pathlib.Path(folder)
        os.environ["XDG_CACHE_HOME"] = str(self.folder / "cache")
        self.call("doctor", "--threads", 1)  # measures the peak, of which runs then log their share
        text = self.folder / "text.txt"
        text.write_bytes((ROOT / "docs/adding-an-op.md").read_bytes()[:5000])
        tokenizer = self.folder / "tokenizer.json"
        self.call("tokenizer", "train", text, "--vocab", 300, "--out", tokenizer)
        self.call("data", "prepare", text, "--tokenizer", tokenizer, "--validation", 0, "--out",
                  self.folder / "data")
        (self.folder / "run.toml").write_text(CONFIG.format(folder=folder))

    def call(self, *arguments, status=0):
        done = subprocess.run([self.program, *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode != status:
            sys.exit(f"{arguments}: status {done.returncode}, expected {status}: {done.stderr}")

    def arguments(self, name, *keys):
        return ["train", self.folder / "run.toml", f"run.dir={self.folder / name}", *keys]

    def train(self, name, *keys, status=0):
        self.call(*self.arguments(name, *keys), status=status)

    def interrupt(self, name, how, *keys, every=50):
        """Sends the signal `how` well after one checkpoint and well before the next."""
        log = self.folder / name / "log.jsonl"
        keys = ["train.steps=1000000", f"checkpoint.every={every}", "checkpoint.async=false", *keys]
        command = [self.program, *map(str, self.arguments(name, *keys))]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            steps = 0
            while steps < 60 or steps % every < 10 or steps % 50 > 30:
                steps = log.read_bytes().count(b"\n") if log.exists() else 0
                if process.poll() is not None:
                    sys.exit(f"{name}: the run ended by itself")
                time.sleep(0.002)
            process.send_signal(how)
        return last_step(self.folder / name)


def records_of(run):
    text = (run / "log.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def last_step(run):
    return records_of(run)[-1]["step"]


def logged(run):
    """Tag -> [(step, wall time, value)], as log.jsonl has it."""
    scalars = {}
    for record in records_of(run):
        for tag, key in TAGS.items():
            if key in record:
                scalars.setdefault(tag, []).append(
                    (record["step"], record["wall_s"], np.float32(float(record[key]))))
    return scalars


def shown(events):
    """The same as TensorBoard has it, of a directory of event files."""
    accumulator = event_accumulator.EventAccumulator(str(events), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {tag: [(event.step, event.wall_time, np.float32(event.value))
                  for event in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]}


def same(a, b):
    return a[:2] == b[:2] and (a[2] == b[2] or math.isnan(a[2]) and math.isnan(b[2]))


def difference(actual, expected):
    """What differs first, or nothing."""
    if sorted(actual) != sorted(expected):
        return f"tags {sorted(actual)}, expected {sorted(expected)}"
    for tag, points in expected.items():
        if len(actual[tag]) != len(points):
            return f"{tag}: {len(actual[tag])} points, expected {len(points)}"
        for one, other in zip(actual[tag], points):
            if not same(one, other):
                return f"{tag}: {one}, expected {other}"
    return ""


def compare(checks, name, run):
    expected = logged(run)
    found = difference(shown(run / "tensorboard"), expected)
    points = sum(map(len, expected.values()))
    checks.report(f"tensorboard: {name}", not found,
                  found or f"{points} points of {len(expected)} tags")


def event_files(run):
    return sorted((run / "tensorboard").iterdir())


def compare_resumed(checks, name, run, resumed_step):
    """Each step once, though the file before has some that came after the checkpoint."""
    compare(checks, name, run)
    first, second = event_files(run)
    over = [event.step for event in event_file_loader.EventFileLoader(str(first)).Load()]
    checks.report(f"tensorboard: {name}: steps were logged twice", max(over) > resumed_step,
                  f"up to {max(over)} before, again from {resumed_step + 1}")
    begin = list(event_file_loader.EventFileLoader(str(second)).Load())[1]
    checks.equal(f"tensorboard: {name}: begins with a session at", begin.step, resumed_step + 1)


def record_bounds(data):
    """The begin of each record of a file, and its end."""
    bounds = [0]
    while bounds[-1] < len(data):
        bounds.append(bounds[-1] + 16 + struct.unpack_from("<Q", data, bounds[-1])[0])
    return bounds


def read_raw(path):
    """All records by TensorBoard's record reader, which raises on a wrong checksum."""
    reader, count = pywrap_tensorflow.PyRecordReader_New(str(path)), 0
    while True:
        try:
            reader.GetNext()
            count += 1
        except errors.OutOfRangeError:
            return count


def compare_flipped(checks, run, folder):
    """Every byte of one record in turn: the checksum is wrong, and the comparison fails."""
    path = event_files(run)[0]
    data = path.read_bytes()
    bounds = record_bounds(data)
    at = len(bounds) // 2
    checks.equal("tensorboard: records of a whole file", read_raw(path), len(bounds) - 1)
    raised = noticed = 0
    expected = logged(run)
    for place in range(bounds[at], bounds[at + 1]):
        copy = pathlib.Path(folder) / "flipped"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        (copy / path.name).write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1:])
        try:
            read_raw(copy / path.name)
        except (errors.DataLossError, errors.OutOfRangeError):
            raised += 1
        noticed += difference(shown(copy), expected) != ""
    flipped = bounds[at + 1] - bounds[at]
    checks.equal("tensorboard: a flipped byte is a wrong checksum", raised, flipped,
                 f"{raised} of {flipped} bytes")
    checks.equal("tensorboard: a flipped byte fails the comparison", noticed, flipped,
                 f"{noticed} of {flipped} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(options.program, folder)
        whole = runs.folder / "whole"
        runs.train("whole")
        compare(checks, "a run of 120 steps", whole)
        checks.equal("tensorboard: all tags", sorted(logged(whole)), sorted(TAGS))
        checks.equal("tensorboard: one file", len(event_files(whole)), 1)
        compare_flipped(checks, whole, folder)

        step = runs.interrupt("killed", signal.SIGKILL)
        runs.train("killed", f"train.steps={step + 20}", "--resume")
        compare_resumed(checks, "killed and resumed", runs.folder / "killed", step // 50 * 50)
        step = runs.interrupt("stopped", signal.SIGTERM)
        runs.train("stopped", f"train.steps={step + 20}", "--resume")
        compare(checks, "stopped and resumed", runs.folder / "stopped")
        runs.interrupt("early", signal.SIGKILL, every=10**6)
        runs.train("early", "train.steps=15", "--resume")
        compare_resumed(checks, "killed before its first checkpoint", runs.folder / "early", 0)

        runs.train("diverged", "optim.lr=10", "optim.weight_decay=10", "optim.grad_clip=0",
                   status=1)
        values = [value for _, _, value in logged(runs.folder / "diverged")["train/loss"]]
        checks.report("tensorboard: a run that diverged has values that are not finite",
                      any(map(math.isnan, values)))
        compare(checks, "a run that diverged", runs.folder / "diverged")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
