#!/usr/bin/env python3
"""Compares with Hugging Face transformers: models in, models out, generation, fine-tuning.

    hugging_face.py --program build/release/cli/tutti --logits build/release/tests/model_logits

Each case is a small random model that transformers makes and saves, in float32 and bfloat16, in one
file and in shards. Logits agree when no difference is above 1e-4 of the largest logit.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import tokenizers
import torch
import transformers
from safetensors.numpy import load_file

import tokenizer_families
from checks import Checks

TOLERANCE = 1e-4
LENGTH = 48  # tokens of the text whose logits are compared
GREEDY = 64  # tokens that are generated
CORPUS = ("docs/architecture.md", "docs/adding-an-op.md", "docs/invariance.md", "README.md")
ROOT = pathlib.Path(__file__).resolve().parents[2]

COMMON = {"vocab_size": 384, "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 3,
          "num_attention_heads": 8, "num_key_value_heads": 2, "max_position_embeddings": 256,
          "initializer_range": 0.15, "bos_token_id": 0, "eos_token_id": 0}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}


def cases():
    """Name -> transformers config."""
    t = transformers
    return {
        "gpt2": t.GPT2Config(vocab_size=384, n_embd=64, n_layer=3, n_head=4, n_positions=256,
                             initializer_range=0.15, bos_token_id=0, eos_token_id=0),
        "gpt2 with n_inner": t.GPT2Config(vocab_size=384, n_embd=64, n_layer=2, n_head=4, n_inner=96,
                                          n_positions=256, initializer_range=0.15, bos_token_id=0,
                                          eos_token_id=0, activation_function="gelu_pytorch_tanh",
                                          tie_word_embeddings=False),
        "llama3": t.LlamaConfig(**COMMON, tie_word_embeddings=False,
                                rope_parameters={**LLAMA3, "rope_theta": 500000.0}),
        "llama with linear scaling": t.LlamaConfig(
            **COMMON, attention_bias=True, mlp_bias=True, head_dim=12,
            rope_parameters={"rope_type": "linear", "factor": 2.5, "rope_theta": 10000.0}),
        "tinyllama": t.LlamaConfig(**{**COMMON, "num_attention_heads": 4, "num_key_value_heads": 1},
                                   tie_word_embeddings=False, rms_norm_eps=1e-5),
        "smollm2": t.LlamaConfig(**{**COMMON, "hidden_size": 72, "num_attention_heads": 9,
                                    "num_key_value_heads": 3}, tie_word_embeddings=True,
                                 rms_norm_eps=1e-5,
                                 rope_parameters={"rope_type": "default", "rope_theta": 100000.0}),
        "mistral": t.MistralConfig(**COMMON, sliding_window=11, tie_word_embeddings=False),
        "qwen2": t.Qwen2Config(**COMMON, tie_word_embeddings=True,
                               rope_parameters={"rope_type": "default", "rope_theta": 1e6}),
        "qwen2 with a window": t.Qwen2Config(**COMMON, tie_word_embeddings=False, sliding_window=9,
                                             use_sliding_window=True, max_window_layers=0),
        "qwen3": t.Qwen3Config(**COMMON, head_dim=24, tie_word_embeddings=False,
                               rope_parameters={"rope_type": "default", "rope_theta": 1e6}),
    }


def make_model(config, seed):
    """Random weights; norms and biases too, which transformers would start at one and zero."""
    torch.manual_seed(seed)
    config._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                centre = 1.0 if "norm" in name.lower() or ".ln_" in name and "weight" in name else 0.0
                parameter.copy_(centre + 0.2 * torch.randn_like(parameter))
    return model


def old_style(directory):
    """Rewrites config.json with the keys of transformers 4."""
    path = directory / "config.json"
    config = json.loads(path.read_text())
    parameters = config.pop("rope_parameters", None)
    if parameters is None:
        return False
    config["rope_theta"] = parameters.pop("rope_theta")
    config["rope_scaling"] = None if parameters.get("rope_type") == "default" else parameters
    config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2))
    return True


class Tutti:
    def __init__(self, program, logits):
        self.program = str(program)
        self.logits_program = str(logits)

    def call(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"tutti {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return done.stdout

    def logits(self, path, tokens, work):
        (work / "tokens").write_text(" ".join(map(str, tokens)))
        subprocess.run([self.logits_program, str(path), str(work / "tokens"), str(work / "logits")],
                       check=True)
        values = load_file(work / "logits")
        return values["decoded"], values["prompt"]


def reference_logits(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].float().numpy()


def difference(actual, expected):
    """The largest difference, as a part of the largest logit."""
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def load(directory, dtype=torch.float32):
    return transformers.AutoModelForCausalLM.from_pretrained(
        directory, dtype=dtype, attn_implementation="eager").eval()


def bytes_of(directory):
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def greedy(model, prompt, count):
    """generate() with its cache; an end of text does not end it."""
    model.generation_config.eos_token_id = None
    inputs = torch.tensor([prompt])
    with torch.no_grad():
        ids = model.generate(inputs, attention_mask=torch.ones_like(inputs), max_new_tokens=count,
                             do_sample=False, pad_token_id=0)
    return ids[0, len(prompt):].tolist()


def first_difference(model, prompt, actual, expected):
    """Where two texts part, and how near the two best logits are to each other there."""
    for i, (a, b) in enumerate(zip(actual, expected)):
        if a != b:
            logits = reference_logits(model, prompt + expected[:i])[-1]
            return f"token {i} is {a}, not {b}; logits {logits[a]:.7g} and {logits[b]:.7g}"
    return ""


class Case:
    def __init__(self, checks, tutti, name, config, tokenizer, work):
        self.checks, self.tutti, self.name, self.work = checks, tutti, name, work
        self.model = make_model(config, seed=len(name))
        self.tokenizer = tokenizer
        generator = np.random.default_rng(7)
        self.tokens = generator.integers(1, 384, LENGTH).tolist()

    def at_most(self, what, value):
        self.checks.at_most(f"{self.name}: {what}", value, TOLERANCE)

    def agrees(self, what, path, model):
        expected = reference_logits(model, self.tokens)
        decoded, prompt = self.tutti.logits(path, self.tokens, self.work)
        self.at_most(f"{what}, token by token", difference(decoded, expected))
        self.at_most(f"{what}, at once", difference(prompt, expected[-1]))

    def save(self, folder, model, shards=False):
        directory = self.work / folder
        model.save_pretrained(directory, max_shard_size="60KB" if shards else "5GB")
        shutil.copy(self.tokenizer, directory / "tokenizer.json")
        sharded = (directory / "model.safetensors.index.json").exists()
        self.checks.equal(f"{self.name}: transformers sharded {folder}", sharded, shards)
        return directory

    def run(self):
        plain = self.save("f32", self.model)
        self.agrees("logits of the directory", plain, self.model)
        imported = self.work / "imported"
        self.tutti.call("import", plain, imported)
        self.agrees("logits after import", imported, self.model)
        if old_style(plain):
            self.agrees("logits with the keys of transformers 4", plain, self.model)
        sharded = self.save("sharded", self.model, shards=True)
        self.agrees("logits of shards", sharded, self.model)
        half = self.save("bf16", transformers.AutoModelForCausalLM.from_pretrained(
            plain, dtype=torch.bfloat16))
        self.agrees("logits of bfloat16 weights", half, load(half))
        self.export(imported, half)
        self.generate(imported)

    def export(self, imported, half):
        expected = reference_logits(self.model, self.tokens)
        first, second = self.work / "out", self.work / "again"
        self.tutti.call("export", imported, first)
        self.tutti.call("export", imported, second)
        self.checks.equal(f"{self.name}: a second export has the same bytes", bytes_of(first),
                          bytes_of(second))
        self.at_most("logits of the export", difference(
            reference_logits(load(first), self.tokens), expected))
        self.tutti.call("export", imported, self.work / "shards", "--shard-size", "60KB")
        self.at_most("logits of a sharded export", difference(
            reference_logits(load(self.work / "shards"), self.tokens), expected))
        self.tutti.call("export", half, self.work / "out16", "--dtype", "bf16")
        self.at_most("logits of a bfloat16 export", difference(
            reference_logits(load(self.work / "out16"), self.tokens),
            reference_logits(load(half), self.tokens)))
        dtype = transformers.AutoConfig.from_pretrained(self.work / "out16").dtype
        self.checks.equal(f"{self.name}: the export says its dtype", dtype, torch.bfloat16)

    def generate(self, imported):
        text = "The op is"
        prompt = tokenizers.Tokenizer.from_file(str(self.tokenizer)).encode(text).ids
        output = json.loads(self.tutti.call(
            "generate", imported, "--prompt", text, "--tokens", GREEDY, "--temperature", 0,
            "--ignore-end", "--json"))
        expected = greedy(self.model, prompt, GREEDY)
        self.checks.equal(f"{self.name}: {GREEDY} greedy tokens", output["tokens"], expected,
                          first_difference(self.model, prompt, output["tokens"], expected))


def train_tokenizer(path):
    """384 tokens of the project's own documentation."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=384, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train([str(ROOT / name) for name in CORPUS], trainer)
    tokenizer.save(str(path))


def mean_loss(model, tokens, seq):
    """Of samples of `seq` tokens, one after the other."""
    samples = (len(tokens) - 1) // seq
    inputs = torch.tensor(tokens[: samples * seq].astype(np.int64)).reshape(samples, seq)
    labels = torch.tensor(tokens[1 : samples * seq + 1].astype(np.int64)).reshape(samples, seq)
    total = 0.0
    with torch.no_grad():
        for x, y in zip(inputs, labels):
            logits = model(x[None]).logits[0].float()
            total += torch.nn.functional.cross_entropy(logits, y).item()
    return total / samples


def fine_tuning(checks, tutti, case, data, work):
    """Evaluation as transformers computes it; then a few steps that lower the loss, exported."""
    imported, prefix = case.work / "imported", data / "train"
    tokens = np.fromfile(str(prefix) + ".bin", dtype=np.uint16)
    before = json.loads(tutti.call("eval", imported, "--data", prefix, "--json"))
    expected = mean_loss(case.model, tokens, 256)
    checks.at_most(f"{case.name}: loss of a text", abs(before["loss"] - expected) / expected, TOLERANCE)
    run = work / (case.work.name + "-tuned")
    tutti.call("train", imported / "config.toml", f"data.train={prefix}", "train.steps=30",
               "train.seq_len=64", "train.micro_batch=4", "optim.lr=3e-3", f"run.dir={run}",
               "log.tensorboard=false")
    after = json.loads(tutti.call("eval", run, "--data", prefix, "--json"))
    checks.report(f"{case.name}: 30 steps lower the loss", after["loss"] < before["loss"] - 0.5,
                  f"{before['loss']:.3f} -> {after['loss']:.3f}")
    out = work / (case.work.name + "-tuned-out")
    tutti.call("export", run, out)
    tuned = mean_loss(load(out), tokens, 64)
    checks.at_most(f"{case.name}: transformers' loss of the tuned export",
                   abs(after["loss"] - tuned) / tuned, TOLERANCE)


def tokenizer_survives(checks, case):
    """AutoTokenizer loads what was exported, and encodes as before."""
    text = "An op is one row of a table: naïve café."
    exported = transformers.AutoTokenizer.from_pretrained(case.work / "out")
    original = tokenizers.Tokenizer.from_file(str(case.tokenizer))
    checks.equal("the exported tokenizer gives the same ids", exported(text)["input_ids"],
                 original.encode(text).ids)
    checks.equal("the exported tokenizer ends a text", exported.eos_token, "<|endoftext|>")


def chat_template_survives(checks, tutti, case, work):
    """A tokenizer that transformers saved, with a template, goes through import and export."""
    source, run, out = work / "chat", work / "chat-run", work / "chat-out"
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(case.tokenizer),
                                                     eos_token="<|endoftext|>")
    tokenizer.chat_template = "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"
    case.model.save_pretrained(source)
    tokenizer.save_pretrained(source)
    tutti.call("import", source, run)
    tutti.call("export", run, out)
    chat = [{"role": "user", "content": "Hello"}]
    again = transformers.AutoTokenizer.from_pretrained(out)
    checks.equal("a chat template goes from import to export",
                 again.apply_chat_template(chat, tokenize=False), "[user] Hello")


def texts_begin_and_end(checks, tutti, work):
    """A tokenizer that begins every text with a token, and a model that names two ends."""
    source, imported = work / "begins", work / "begins-run"
    model = make_model(transformers.LlamaConfig(**COMMON, tie_word_embeddings=False), seed=5)
    model.save_pretrained(source)
    files = [str(ROOT / name) for name in CORPUS]
    (source / "tokenizer.json").write_text(tokenizer_families.llama3(files, 384))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(source / "tokenizer.json"))
    text = "The op is"
    prompt = tokenizer(text)["input_ids"]
    expected = greedy(model, prompt, GREEDY)
    ends = [expected[20], expected[40]]
    ended = {*ends, 0, 1}  # the config's, and the tokenizer's
    stop = next(i for i, token in enumerate(expected) if token in ended)
    (source / "generation_config.json").write_text(json.dumps({"eos_token_id": ends}))
    tutti.call("import", source, imported)
    for name, path in (("of the directory", source), ("after import", imported)):
        call = ["generate", path, "--prompt", text, "--tokens", GREEDY, "--temperature", 0, "--json"]
        output = json.loads(tutti.call(*call, "--ignore-end"))
        checks.equal(f"a text begins with the tokenizer's token {name}", output["prompt_tokens"],
                     len(prompt))
        checks.equal(f"{GREEDY} greedy tokens behind it {name}", output["tokens"], expected,
                     first_difference(model, prompt, output["tokens"], expected))
        output = json.loads(tutti.call(*call))
        checks.equal(f"a text ends at either of two tokens {name}", output["tokens"],
                     expected[:stop])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True, type=pathlib.Path)
    parser.add_argument("--logits", required=True, type=pathlib.Path)
    parser.add_argument("--only", help="cases whose name contains this")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    checks = Checks()
    tutti = Tutti(arguments.program.resolve(), arguments.logits.resolve())
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        tokenizer = work / "tokenizer.json"
        train_tokenizer(tokenizer)
        text = work / "text"
        text.mkdir()
        for name in CORPUS[:2]:
            shutil.copy(ROOT / name, text)
        tutti.call("data", "prepare", text, "--tokenizer", tokenizer, "--out", work / "data")
        done = []
        for number, (name, config) in enumerate(cases().items()):
            if arguments.only and arguments.only not in name:
                continue
            place = work / f"case{number}"
            place.mkdir()
            done.append(Case(checks, tutti, name, config, tokenizer, place))
            done[-1].run()
            fine_tuning(checks, tutti, done[-1], work / "data", work)
        tokenizer_survives(checks, done[0])
        chat_template_survives(checks, tutti, done[0], work)
        texts_begin_and_end(checks, tutti, work)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
