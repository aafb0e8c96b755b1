#!/usr/bin/env python3
"""The PyTorch side of bench/vs_pytorch: training steps of GPT-2 on the CPU, one a command.

Commands on standard input, one a line, each answered with one line of JSON: "step", "summary",
"peak" (the rate of torch.mm), "end". The first line printed describes the set-up.

The model is what a careful user of PyTorch writes: one product for queries, keys and values,
scaled_dot_product_attention, F.cross_entropy on all logits, a tied head, no dropout, the
vocabulary padded to a multiple of 64, AdamW in the faster of its two CPU implementations.
"""

import argparse
import json
import os
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

from gpt2_sizes import SIZES

BETAS, EPSILON, WEIGHT_DECAY, GRAD_CLIP = (0.9, 0.95), 1e-8, 0.1, 1.0


class Block(nn.Module):
    def __init__(self, embed, heads):
        super().__init__()
        self.heads = heads
        self.attn_norm, self.mlp_norm = nn.LayerNorm(embed), nn.LayerNorm(embed)
        self.qkv, self.out = nn.Linear(embed, 3 * embed), nn.Linear(embed, embed)
        self.up, self.down = nn.Linear(embed, 4 * embed), nn.Linear(4 * embed, embed)

    def forward(self, x):
        batch, seq, embed = x.shape
        q, k, v = self.qkv(self.attn_norm(x)).view(
            batch, seq, 3, self.heads, embed // self.heads).permute(2, 0, 3, 1, 4)
        heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(heads.transpose(1, 2).reshape(batch, seq, embed))
        return x + self.down(F.gelu(self.up(self.mlp_norm(x)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self, layers, embed, heads, vocab, context):
        super().__init__()
        self.tokens = nn.Embedding((vocab + 63) // 64 * 64, embed)
        self.positions = nn.Embedding(context, embed)
        self.blocks = nn.ModuleList(Block(embed, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(embed)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens, labels):
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = F.linear(self.norm(x), self.tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


def make_optimizer(model, implementation):
    groups = [{"params": [p for p in model.parameters() if p.dim() > 1],
               "weight_decay": WEIGHT_DECAY},
              {"params": [p for p in model.parameters() if p.dim() <= 1], "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=1e-4, betas=BETAS, eps=EPSILON, **{implementation: True})


def faster_optimizer(model):
    """The name of the faster implementation, and the seconds of a step of each."""
    seconds = {}
    for implementation in ("fused", "foreach"):
        optimizer = make_optimizer(model, implementation)
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()  # makes the state
        times = []
        for _ in range(3):
            start = time.perf_counter()
            optimizer.step()
            times.append(time.perf_counter() - start)
        seconds[implementation] = min(times)
    for parameter in model.parameters():
        parameter.grad = None
    return min(seconds, key=seconds.get), seconds


def peak_resident_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024


def process_age_s():
    """Seconds since the process started, as step_bench measures it."""
    with open("/proc/self/stat") as stat:
        started = int(stat.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def matrix_peak(seconds=2.0):
    """FLOP/s of the best product of square matrices, as src/execute/machine.cc measures it."""
    best = 0.0
    for n in (1024, 2048):
        a, b = torch.rand(n, n) - 0.5, torch.rand(n, n) - 0.5
        out = torch.empty(n, n)
        begin = time.perf_counter()
        while time.perf_counter() - begin < seconds / 2:
            start = time.perf_counter()
            torch.mm(a, b, out=out)
            best = max(best, 2.0 * n**3 / (time.perf_counter() - start))
    return best


class Bench:
    def __init__(self, options):
        self.options = options
        torch.set_num_threads(options.threads)
        torch.manual_seed(1)
        self.empty_resident_bytes = peak_resident_bytes()
        self.sizes = SIZES[options.preset]
        self.model = self.place(Gpt2(*self.sizes))
        self.forward = torch.compile(self.model) if options.compile else self.model
        self.optimizer = make_optimizer(self.model, options.optimizer)
        self.steps = 0
        self.first_step_s = 0.0
        self.setup_s = process_age_s()

    # What a bench of several ranks does else.

    def place(self, model):
        """The model as it is trained."""
        return model

    def meet(self):
        """Returns when all ranks are ready."""

    def most(self, here):
        """The largest of the ranks' numbers."""
        return here

    def compute_gradients(self, tokens, labels):
        """The loss."""
        loss = self.forward(tokens, labels)
        loss.backward()
        return loss

    def clip(self):
        nn.utils.clip_grad_norm_(self.model.parameters(), GRAD_CLIP)

    def loss_of_all(self, here):
        """The loss that is printed."""
        return here

    def step(self):
        vocab = self.sizes[3]
        tokens, labels = torch.randint(0, vocab, (2, self.options.batch, self.options.seq))
        self.meet()
        start = time.perf_counter()
        loss = self.compute_gradients(tokens, labels)
        self.clip()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        seconds = self.most(time.perf_counter() - start)
        self.steps += 1
        if self.steps == 1:
            self.first_step_s = seconds
        return {"step": self.steps, "seconds": seconds, "loss": self.loss_of_all(loss).item()}

    def summary(self):
        return {"steps": self.steps, "peak_resident_bytes": self.most(peak_resident_bytes()),
                "empty_resident_bytes": self.empty_resident_bytes, "setup_s": self.setup_s,
                "start_to_first_step_s": self.setup_s + self.first_step_s}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=SIZES, default="gpt2-124m")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seq", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="torch.compile the model")
    parser.add_argument("--optimizer", choices=("fused", "foreach"), default="fused")
    parser.add_argument("--time-optimizers", action="store_true",
                        help="only say which AdamW is faster")
    options = parser.parse_args()

    def answer(value):
        print(json.dumps(value), flush=True)

    if options.time_optimizers:
        torch.set_num_threads(options.threads)
        name, seconds = faster_optimizer(Gpt2(*SIZES[options.preset]))
        answer({"optimizer": name, "seconds": seconds})
        return
    bench = Bench(options)
    answer({"torch": torch.__version__, "threads": torch.get_num_threads(),
            "compile": options.compile, "optimizer": options.optimizer})
    for line in sys.stdin:
        command = line.strip()
        if command == "end":
            return
        if command == "peak":
            answer({"matrix_flops_per_s": matrix_peak()})
        else:
            answer({"step": bench.step, "summary": bench.summary}[command]())


if __name__ == "__main__":
    main()
