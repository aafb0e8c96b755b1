"""The parts of pytorch_step.py's GPT-2 that the stages of a pipeline train."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F


def balanced_split(layers, embed, vocab, stages):
    """The layers of each stage for which the slowest stage is fastest. The last stage's head costs as
    much as layers of its number of weights; the first stage's embedding about one layer with 256
    tokens at once, for each microbatch adds a whole matrix to its gradient."""
    head, embedding = vocab / (12 * embed), 1

    def cost(split):
        return max(split[0] + embedding, *split[1:-1], split[-1] + head)

    cuts = itertools.combinations(range(1, layers), stages - 1)
    splits = [[end - begin for begin, end in zip((0, *cut), (*cut, layers))] for cut in cuts]
    return min(splits, key=cost)


class Stage(nn.Module):
    """Those blocks of a Gpt2 that `split` gives one stage; the embeddings on the first and the head
    on the last, which has its own copy of the tied weights."""

    def __init__(self, model, split, index):
        super().__init__()
        self.first, self.last = index == 0, index == len(split) - 1
        begin = sum(split[:index])
        self.blocks = model.blocks[begin:begin + split[index]]
        if self.first or self.last:
            self.tokens = model.tokens
        if self.first:
            self.positions = model.positions
        if self.last:
            self.norm = model.norm

    def forward(self, x):
        if self.first:
            x = self.tokens(x) + self.positions(torch.arange(x.shape[1]))
        for block in self.blocks:
            x = block(x)
        return F.linear(self.norm(x), self.tokens.weight) if self.last else x
