#!/usr/bin/env python3
"""Compares Tutti's gradients and loss curves with PyTorch's, on two-layer models.

    reference.py --program build/release/tests/reference_step    compares, one line a check
    reference.py --record                                        writes tests/reference/*.json

A gradient agrees when ||difference|| / ||reference|| <= 1e-5, a curve of 100 AdamW steps when every
loss is within 1e-4. PyTorch computes in float32, and again in float64, which tells whose rounding
a difference is.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

import cases
import models
from checks import Checks

GRADIENT_TOLERANCE = 1e-5
LOSS_TOLERANCE = 1e-4
ROOT = pathlib.Path(__file__).resolve().parents[2]


class Trainer:
    def __init__(self, case, dtype):
        self.case = case
        self.parameters = {
            name: torch.tensor(cases.weights(case, name, shape), dtype=dtype, requires_grad=True)
            for name, shape in cases.parameter_shapes(case).items()}
        self.model = models.Model(case["model"], self.parameters)

    def backward(self, number):
        for parameter in self.parameters.values():
            parameter.grad = None
        seq = self.case["seq"]
        tokens, labels = (torch.tensor(x.reshape(-1, seq), dtype=torch.int64)
                          for x in cases.batch(self.case, number))
        loss = self.model.loss(tokens, labels)
        loss.backward()
        return loss.item()

    def gradients(self):
        return {name: p.grad.numpy().copy() for name, p in self.parameters.items()}

    def losses(self):
        """Of the case's number of steps; the parameters are trained."""
        options = self.case["optimizer"]

        def matrix(name):
            return name.endswith(".weight") and not name.endswith("norm.weight")

        groups = [{"params": [p for n, p in self.parameters.items() if matrix(n)],
                   "weight_decay": options["weight_decay"]},
                  {"params": [p for n, p in self.parameters.items() if not matrix(n)],
                   "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=0.0, eps=options["epsilon"],
                                      betas=(options["beta1"], options["beta2"]))
        result = []
        for step in range(self.case["steps"]):
            result.append(self.backward(step % self.case["batches"]))
            torch.nn.utils.clip_grad_norm_(self.parameters.values(), options["grad_clip"])
            for group in optimizer.param_groups:
                group["lr"] = cases.learning_rate(self.case, step)
            optimizer.step()
        return result


def total_norm(gradients):
    squares = sum(np.sum(g.astype(np.float64) ** 2) for g in gradients.values())
    return float(np.sqrt(squares))


def write_case(case, directory):
    (directory / "case.json").write_text(json.dumps(case))
    save_file({name: cases.weights(case, name, shape)
               for name, shape in cases.parameter_shapes(case).items()},
              directory / "weights.safetensors")
    batches = [cases.batch(case, number) for number in range(case["batches"])]
    save_file({"tokens": np.stack([b[0] for b in batches]),
               "labels": np.stack([b[1] for b in batches])}, directory / "tokens.safetensors")


def run_program(program, directory, *flags):
    subprocess.run([program, str(directory), *flags], check=True)
    result = json.loads((directory / "result.json").read_text())
    return result, load_file(directory / "gradients.safetensors")


def grouped(case, gradients):
    """One vector a parameter. GPT-2's three biases of attention are one vector: that of the keys
    has no gradient but rounding, since a shift of all scores of a query changes nothing."""
    vectors = {}
    for name, gradient in gradients.items():
        if case["model"]["architecture"] == "gpt2" and name[-7:] in (".q.bias", ".k.bias", ".v.bias"):
            name = name[:-7] + ".qkv.bias"
        flat = gradient.astype(np.float64).reshape(-1)
        vectors[name] = np.concatenate([vectors[name], flat]) if name in vectors else flat
    return vectors


def worst_gradient(case, actual, expected):
    """The largest ||difference|| / ||reference|| and whose it is."""
    if actual.keys() != expected.keys():
        return float("inf"), f"names {sorted(actual.keys() ^ expected.keys())}"
    a, b = grouped(case, actual), grouped(case, expected)
    return max((float(np.linalg.norm(a[n] - b[n]) / np.linalg.norm(b[n])), n) for n in b)


def compare_case(case, program, checks):
    name = case["name"]
    single, double = Trainer(case, torch.float32), Trainer(case, torch.float64)
    loss, exact_loss = single.backward(0), double.backward(0)
    gradients, exact_gradients = single.gradients(), double.gradients()
    with tempfile.TemporaryDirectory() as folder:
        directory = pathlib.Path(folder)
        write_case(case, directory)
        result, actual = run_program(program, directory)
        curve, _ = run_program(program, directory, "--curve")
    kernels = result["kernels"]

    checks.at_most(f"{name} loss ({kernels})", abs(result["losses"][0] / loss - 1),
                   GRADIENT_TOLERANCE)
    difference, where = worst_gradient(case, actual, gradients)
    exact, exact_where = worst_gradient(case, actual, exact_gradients)
    theirs, _ = worst_gradient(case, gradients, exact_gradients)
    checks.at_most(f"{name} gradients of {len(actual)} parameters, float32", difference,
                   GRADIENT_TOLERANCE, where)
    checks.at_most(f"{name} gradients, float64", exact, GRADIENT_TOLERANCE,
                   f"{exact_where}; PyTorch float32 is at {theirs:.1e}")
    norm = total_norm(gradients)
    checks.at_most(f"{name} norm of all gradients", abs(result["grad_norms"][0] / norm - 1),
                   GRADIENT_TOLERANCE)
    compare_curves(case, curve["losses"], single.losses(), double.losses(), checks)


def compare_curves(case, actual, single, double, checks):
    name = case["name"]
    for dtype, expected in (("float32", single), ("float64", double)):
        ratios = np.abs(np.array(actual) / np.array(expected) - 1)
        checks.at_most(f"{name} losses of {len(expected)} steps, {dtype}", float(ratios.max()),
                       LOSS_TOLERANCE, f"{expected[0]:.3f} -> {expected[-1]:.3f}, "
                       f"worst at step {int(ratios.argmax())}")


def lines_of(recorded):
    """JSON with one line for each key and for each gradient."""
    gradients = ",\n".join(f"  {json.dumps(name)}: {json.dumps(sketch)}"
                           for name, sketch in recorded["gradients"].items())
    rest = [f" {json.dumps(key)}: {json.dumps(value)}"
            for key, value in recorded.items() if key != "gradients"]
    return "{\n" + ",\n".join(rest + [f' "gradients": {{\n{gradients}\n }}']) + "\n}"


def record(case):
    """What tests/reference/reference_test.cc checks, in double precision."""
    trainer = Trainer(case, torch.float64)
    loss = trainer.backward(0)
    gradients = trainer.gradients()
    recorded = {"case": case, "recorded_by": f"PyTorch {torch.__version__.split('+')[0]}, float64",
                "loss": loss, "grad_norm": total_norm(gradients),
                "gradients": {name: cases.sketch(case, name, g) for name, g in gradients.items()},
                "losses": trainer.losses()}
    text = lines_of(recorded)
    path = ROOT / "tests/reference" / (case["name"] + ".json")
    path.write_text(text + "\n")
    print(f"{path.relative_to(ROOT)}: {len(text)} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / "build/release/tests/reference_step"))
    parser.add_argument("--record", action="store_true", help="write tests/reference/*.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    if options.record:
        for case in cases.CASES:
            record(case)
        return 0
    checks = Checks()
    for case in cases.CASES:
        compare_case(case, options.program, checks)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
