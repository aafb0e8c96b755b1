#!/usr/bin/env python3
"""The PyTorch side of bench/vs_pytorch_distributed: pytorch_step.py as several ranks on the CPU.

Commands on standard input and answers are those of pytorch_step.py. The process that is started is
the first rank and starts the others. They speak over gloo, the backend for CPUs. "ddp" is
DistributedDataParallel, "fsdp" FSDP2: fully_shard on each block and on the root. "pipeline" is
torch.distributed.pipelining with its Schedule1F1B, a stage a rank; its weights, tokens and so losses
are those of pytorch_step.py with the same --batch.
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
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.pipelining import PipelineStage, Schedule1F1B
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from gpt2_sizes import SIZES
from gpt2_stages import Stage, balanced_split
from pytorch_step import GRAD_CLIP, Bench

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
    def meet(self):
        dist.barrier()

    def most(self, here):
        value = torch.tensor(here, dtype=torch.float64)
        dist.all_reduce(value, dist.ReduceOp.MAX)
        return type(here)(value.item())


class ReplicasBench(RanksBench):
    """Data parallelism."""

    def __init__(self, options):
        super().__init__(options)
        torch.manual_seed(2 + dist.get_rank())  # of the tokens: other ones on each rank

    def place(self, model):
        if self.options.parallel == "fsdp":
            return shard(model)
        return DistributedDataParallel(model, gradient_as_bucket_view=True)


class PipelineBench(RanksBench):
    """The tied weights are on the first and on the last stage, which sum their gradients, as in
    Megatron-LM."""

    def __init__(self, options):
        super().__init__(options)
        ranks = dist.get_world_size()
        self.microbatches = options.batch // options.micro_batch
        self.tied = dist.new_group([0, ranks - 1], timeout=TIMEOUT)
        stage = PipelineStage(self.model, dist.get_rank(), ranks, torch.device("cpu"))
        # The loss is divided here: by default the schedule divides all gradients, which is slower.
        self.schedule = Schedule1F1B(stage, self.microbatches, self.share_of_loss,
                                     scale_grads=False)

    def place(self, model):
        return Stage(model, self.options.split, dist.get_rank())

    def share_of_loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten()) / self.microbatches

    def compute_gradients(self, tokens, labels):
        first, last, losses = self.model.first, self.model.last, []
        self.schedule.step(*([tokens] if first else []), target=labels if last else None,
                           losses=losses if last else None, return_outputs=False)
        if first or last:
            dist.all_reduce(self.model.tokens.weight.grad, group=self.tied)
        return torch.stack(losses).sum() if last else torch.zeros(())

    def clip(self):
        copy = self.model.tokens.weight if self.model.last else None  # the first stage counts it
        squares = nn.utils.get_total_norm(
            [p.grad for p in self.model.parameters() if p is not copy]) ** 2
        dist.all_reduce(squares)
        nn.utils.clip_grads_with_norm_(self.model.parameters(), GRAD_CLIP, squares.sqrt())

    def loss_of_all(self, here):
        dist.all_reduce(here)  # the last stage has it, the others zero
        return here


def next_command():
    """The next line of the first rank's standard input, for all; "end" behind the last."""
    command = [sys.stdin.readline().strip() or "end"] if dist.get_rank() == 0 else [None]
    dist.broadcast_object_list(command)
    return command[0]


def description(options):
    if options.parallel != "pipeline":
        return options.parallel
    return f"1F1B of {' + '.join(str(layers) for layers in options.split)} layers"


def obey(options):
    bench = (PipelineBench if options.parallel == "pipeline" else ReplicasBench)(options)

    def answer(value):
        if dist.get_rank() == 0:
            print(json.dumps(value), flush=True)

    answer({"torch": torch.__version__, "parallel": description(options),
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


def check_pipeline(parser, options):
    layers, embed, _, vocab, _ = SIZES[options.preset]
    microbatches, rest = divmod(options.batch, options.micro_batch)
    if rest != 0 or microbatches < options.ranks:
        parser.error("--batch is not --micro-batch times a number of at least --ranks")
    options.split = options.split or balanced_split(layers, embed, vocab, options.ranks)
    if len(options.split) != options.ranks or sum(options.split) != layers:
        parser.error(f"--split does not cut {layers} layers for {options.ranks} ranks")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parallel", choices=("ddp", "fsdp", "pipeline"), default="ddp")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--preset", choices=SIZES, default="gpt2-124m")
    parser.add_argument("--batch", type=int, default=4,
                        help="samples a step of a rank; of a pipeline's ranks together")
    parser.add_argument("--micro-batch", type=int, default=1, help="samples at once in a pipeline")
    parser.add_argument("--split", type=int, nargs="+", metavar="LAYERS",
                        help="of each stage of a pipeline; balanced when missing")
    parser.add_argument("--seq", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1, help="of a rank")
    parser.add_argument("--optimizer", choices=("fused", "foreach"), default="fused")
    parser.add_argument("--rank", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--meeting-file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.compile = False
    if options.parallel == "pipeline":
        check_pipeline(parser, options)
    if options.rank == 0:
        run_first_rank(options)
    else:
        run_rank(options, options.rank, options.meeting_file)


if __name__ == "__main__":
    main()
