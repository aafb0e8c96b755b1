#!/usr/bin/env python3
"""Compares tokenization with Hugging Face's tokenizers, on Perl's documentation.

    tokenizers_check.py --program build/release/cli/tutti

A tokenizer.json that Tutti trained must load there, give the same ids and decode to the same text;
one that Hugging Face trained must do the same here.
"""

import argparse
import glob
import json
import pathlib
import subprocess
import sys
import tempfile

import tokenizers

from checks import Checks

CORPUS = "/usr/share/perl/*/pod/*.pod"
FILES_MAX = 12  # encoded; all are trained on
VOCAB = 2048
AWKWARD = {
    "spaces": "  two  spaces\tand a tab \n\n  \r\n end ",
    "many scripts": "naïve café — Ελληνικά, русский, 日本語, हिन्दी, عربى, 한국어",
    "emoji": "👩‍👩‍👧‍👦 family, 🇫🇷 flag, é combining",
    "numbers": "3.14159 1234567890 0x7fff 1,000,000 ½ ٣",
    "contractions": "I'll we've don't it's you're he'd I'm DON'T",
    "control": "a\x00b\x01c\x7fd\u200be\ufefff",
    "special token": "before<|endoftext|>after <|endoftext|>",
    "empty": "",
}


class Program:
    def __init__(self, path):
        self.path = path

    def call(self, *arguments, text=None):
        done = subprocess.run([self.path, "tokenizer", *arguments], input=text, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return done.stdout

    def train(self, pattern, out):
        self.call("train", pattern, "--vocab", str(VOCAB), "--out", out)

    def encode(self, tokenizer, text):
        output = self.call("encode", "--tokenizer", tokenizer, "--json", text=text.encode())
        return json.loads(output)["ids"]

    def decode(self, tokenizer, ids):
        if not ids:
            return ""
        output = self.call("decode", "--tokenizer", tokenizer, "--json",
                           text=" ".join(map(str, ids)).encode())
        return json.loads(output)["text"]


def train_elsewhere(files, out):
    """The same kind of tokenizer, made by Hugging Face's trainer."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.train(files, tokenizers.trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.save(out)


def compare(name, program, path, texts, checks):
    theirs = tokenizers.Tokenizer.from_file(path)
    for what, text in texts.items():
        expected = theirs.encode(text, add_special_tokens=False).ids
        actual = program.encode(path, text)
        checks.equal(f"{name}: ids of {what}", actual, expected, f"{len(expected)} ids")
        back = theirs.decode(expected, skip_special_tokens=False)
        checks.equal(f"{name}: {what} decoded", (program.decode(path, actual), back), (text, text))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    files = sorted(glob.glob(CORPUS))
    checks = Checks()
    checks.report("the corpus is there", bool(files), f"{len(files)} files in {CORPUS}")
    if not files:
        return checks.finish()
    step = max(1, len(files) // FILES_MAX)
    texts = {pathlib.Path(f).name: pathlib.Path(f).read_text("utf-8", "replace")
             for f in files[::step][:FILES_MAX]}
    texts |= AWKWARD
    program = Program(options.program)
    with tempfile.TemporaryDirectory() as folder:
        ours, elsewhere = f"{folder}/ours.json", f"{folder}/elsewhere.json"
        program.train(CORPUS, ours)
        compare("trained by Tutti", program, ours, texts, checks)
        train_elsewhere(files, elsewhere)
        compare("trained by tokenizers", program, elsewhere, texts, checks)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
