#!/usr/bin/env python3
"""The PyTorch side of bench/vs_pytorch_distributed: pytorch_step.py as several ranks on the CPU.

Commands on standard input and answers are those of pytorch_step.py. The process that is started is
the first rank and starts the others. They speak over gloo, the backend for CPUs. "ddp" is
DistributedDataParallel, "fsdp" FSDP2: fully_shard on each block and on the root.
"""

import argparse
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from torch import distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from gpt2_sizes import SIZES
from pytorch_step import Bench

# Ranks wait as long for a driver's next command.
TIMEOUT = datetime.timedelta(days=1)


def shard(model):
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    parts = [*model.blocks, model]
    for part in parts:
        fully_shard(part, mesh=mesh)
    for part in parts:
        part.set_force_sum_reduction_for_comms(True)  # gloo has no averages
    return model


class RanksBench(Bench):
    def __init__(self, options):
        super().__init__(options)
        torch.manual_seed(2 + dist.get_rank())  # of the tokens: other ones on each rank

    def place(self, model):
        if self.options.parallel == "fsdp":
            return shard(model)
        return DistributedDataParallel(model, gradient_as_bucket_view=True)

    def meet(self):
        dist.barrier()

    def most(self, here):
        value = torch.tensor(here, dtype=torch.float64)
        dist.all_reduce(value, dist.ReduceOp.MAX)
        return type(here)(value.item())


def next_command():
    """The next line of the first rank's standard input, for all; "end" behind the last."""
    command = [sys.stdin.readline().strip() or "end"] if dist.get_rank() == 0 else [None]
    dist.broadcast_object_list(command)
    return command[0]


def obey(options):
    bench = RanksBench(options)

    def answer(value):
        if dist.get_rank() == 0:
            print(json.dumps(value), flush=True)

    answer({"torch": torch.__version__, "parallel": options.parallel,
            "ranks": dist.get_world_size(), "threads": torch.get_num_threads(),
            "optimizer": options.optimizer})
    while (command := next_command()) != "end":
        answer({"step": bench.step, "summary": bench.summary}[command]())


def run_rank(options, rank, meeting_file):
    dist.init_process_group("gloo", init_method=f"file://{meeting_file}", rank=rank,
                            world_size=options.ranks, timeout=TIMEOUT)
    obey(options)
    dist.destroy_process_group()


def run_first_rank(options):
    with tempfile.TemporaryDirectory() as folder:
        meeting_file = str(pathlib.Path(folder, "ranks"))
        others = [subprocess.Popen([sys.executable, *sys.argv, "--rank", str(rank),
                                    "--meeting-file", meeting_file], stdin=subprocess.DEVNULL)
                  for rank in range(1, options.ranks)]
        try:
            run_rank(options, 0, meeting_file)
        finally:
            for other in others:
                try:
                    other.wait(timeout=10)
                except subprocess.TimeoutExpired:
                    other.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parallel", choices=("ddp", "fsdp"), default="ddp")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--preset", choices=SIZES, default="gpt2-124m")
    parser.add_argument("--batch", type=int, default=4, help="samples a step of a rank")
    parser.add_argument("--seq", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1, help="of a rank")
    parser.add_argument("--optimizer", choices=("fused", "foreach"), default="fused")
    parser.add_argument("--rank", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--meeting-file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.compile = False
    if options.rank == 0:
        run_first_rank(options)
    else:
        run_rank(options, options.rank, options.meeting_file)


if __name__ == "__main__":
    main()
