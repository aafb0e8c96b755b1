#!/usr/bin/env python3
"""Compares tokenization with Hugging Face's tokenizers and with sentencepiece.

    tokenizers_check.py --program build/release/cli/tutti

Of each family of tokenizers, trained here with its settings, the ids of more than a megabyte of
mixed text must be equal and decode to the same text. A tokenizer.json that Tutti trained must load
there and do the same. Each kind of step is compared on its own, with steps put into one file.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import sentencepiece
import tokenizers

import tokenizer_families as families
import tokenizer_texts
from checks import Checks

VOCAB = 4096
UNIGRAM_CHARACTERS = 4000  # of a text
SPLITS = [{"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
          for pattern in ({"Regex": r"[aeiou]\w?"}, {"String": "e"}, {"Regex": r"(?=\p{Lu})"})
          for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext",
                           "Contiguous")
          for invert in (False, True)]
PRE_TOKENIZERS = SPLITS + [
    {"type": "Digits", "individual_digits": False}, {"type": "Digits", "individual_digits": True},
    {"type": "Whitespace"}, {"type": "WhitespaceSplit"},
    {"type": "Punctuation", "behavior": "Isolated"},
    {"type": "Punctuation", "behavior": "MergedWithPrevious"},
    {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True},
    {"type": "Split", "pattern": {"Regex": r"\b\w+\b|\h+$|^\s"}, "behavior": "Isolated",
     "invert": False},
]
# Steps whose character classes are compared on all of Unicode.
CLASSES = [("pre_tokenizer", {"type": "Split", "pattern": {"Regex": pattern}, "invert": False,
                              "behavior": "Isolated"}) for pattern in (r"\p{L}+", r"\p{N}+", r"\s+")]
CLASSES += [("pre_tokenizer", {"type": "Punctuation", "behavior": "Contiguous"})]
CLASSES += [("normalizer", {"type": form}) for form in ("NFC", "NFD", "NFKC", "NFKD")]
NORMALIZERS = [{"type": "NFC"}, {"type": "NFD"}, {"type": "NFKC"}, {"type": "NFKD"},
               {"type": "Lowercase"}, {"type": "Strip", "strip_left": True, "strip_right": True},
               {"type": "Prepend", "prepend": "_"},
               {"type": "Replace", "pattern": {"Regex": r"\s{2,}"}, "content": " "},
               {"type": "Replace", "pattern": {"String": "th"}, "content": "þ"}]


class Program:
    """Tutti's command line; texts and ids go through files."""

    def __init__(self, path, folder):
        self.path = path
        self.folder = pathlib.Path(folder)

    def run(self, *arguments):
        return subprocess.run([self.path, "tokenizer", *map(str, arguments)], check=False,
                              stdin=subprocess.DEVNULL, capture_output=True)

    def call(self, *arguments):
        done = self.run(*arguments)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, arguments))}: {done.stderr.decode()}")
        return done.stdout

    def encode(self, tokenizer, data, *flags):
        """The ids, or the error, which is one line."""
        file = self.folder / "text"
        file.write_bytes(data if isinstance(data, bytes) else data.encode())
        done = self.run("encode", "--tokenizer", tokenizer, "--file", file, "--json", *flags)
        if done.returncode != 0:
            return done.stderr.decode()
        return json.loads(done.stdout)["ids"]

    def decode(self, tokenizer, ids):
        if not ids:
            return ""
        done = subprocess.run([self.path, "tokenizer", "decode", "--tokenizer", tokenizer, "--json"],
                              input=" ".join(map(str, ids)).encode(), check=True,
                              stdout=subprocess.PIPE)
        return json.loads(done.stdout)["text"]


def first_difference(actual, expected):
    if isinstance(actual, str):
        return actual
    at = next((i for i, pair in enumerate(zip(actual, expected)) if pair[0] != pair[1]),
              min(len(actual), len(expected)))
    return f"at {at}: {actual[at:at + 6]}, expected {expected[at:at + 6]}"


def same_ids(checks, name, actual, expected):
    passed = actual == expected
    checks.report(name, passed,
                  f"{len(expected)} ids" if passed else first_difference(actual, expected))


def compare(checks, name, program, path, texts):
    """A tokenizer.json here and there."""
    theirs = tokenizers.Tokenizer.from_file(str(path))
    for what, text in texts.items():
        expected = theirs.encode(text, add_special_tokens=False).ids
        actual = program.encode(path, text)
        same_ids(checks, f"{name}: ids of {what}", actual, expected)
        back = theirs.decode(expected, skip_special_tokens=False)
        checks.equal(f"{name}: {what} decoded", program.decode(path, expected), back)
    special = program.encode(path, texts["one"], "--add-special")
    same_ids(checks, f"{name}: ids with those around", special, theirs.encode(texts["one"]).ids)


def compare_sentencepiece(checks, name, program, path, texts):
    theirs = sentencepiece.SentencePieceProcessor(model_file=path)
    for what, text in texts.items():
        # The library has no special tokens in texts; a stretch behind one is a text of its own.
        text = text.replace("<s>", "(s)").replace("</s>", "(/s)")
        # Scores of Unigram add up in single precision: near ties some 10,000 tokens into a text are
        # decided by how sums were rounded. Shorter texts are compared.
        cut = UNIGRAM_CHARACTERS if "unigram" in name else max(len(text), 1)
        parts = [text[at:at + cut] for at in range(0, max(len(text), 1), cut)]
        expected = [theirs.encode(part) for part in parts]
        actual = [program.encode(path, part) for part in parts]
        wrong = next((i for i, part in enumerate(parts) if actual[i] != expected[i]), 0)
        same_ids(checks, f"{name}: ids of {what}", actual[wrong], expected[wrong])
        checks.equal(f"{name}: {what} decoded", program.decode(path, expected[wrong]),
                     theirs.decode(expected[wrong]))
    around = [theirs.bos_id()] + theirs.encode("one") + [theirs.eos_id()] + theirs.encode("two")
    actual = program.encode(path, "one</s>two", "--add-special")
    same_ids(checks, f"{name}: ids with special ones", actual, around)


def compare_steps(checks, program, base, folder, steps, texts):
    """One step at a time in place of those of the file `base`."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False,
                  "use_regex": False}
    path = f"{folder}/steps.json"
    for key, step in steps:
        document = json.loads(base)
        document[key] = step
        if key == "pre_tokenizer":
            document[key] = {"type": "Sequence", "pretokenizers": [step, byte_level]}
        pathlib.Path(path).write_text(json.dumps(document))
        theirs = tokenizers.Tokenizer.from_file(path)
        for what, text in texts.items():
            expected = theirs.encode(text, add_special_tokens=False).ids
            same_ids(checks, f"{json.dumps(step)}: ids of {what}", program.encode(path, text),
                     expected)


def compare_added_tokens(checks, program, base, folder, texts):
    theirs = tokenizers.Tokenizer.from_str(base)
    theirs.normalizer = tokenizers.normalizers.Lowercase()
    theirs.add_tokens(families.ADDED)
    path = f"{folder}/added.json"
    theirs.save(path)
    compare(checks, "added tokens", program, path, texts)


def compare_broken(checks, program, path):
    data = tokenizer_texts.broken_bytes()
    theirs = tokenizers.Tokenizer.from_file(str(path))
    expected = theirs.encode(data.decode("utf-8", "replace"), add_special_tokens=False).ids
    same_ids(checks, "invalid UTF-8 replaced", program.encode(path, data, "--invalid-utf8",
                                                              "replace"), expected)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as failure:
        error = program.encode(path, data)
        where = f"{program.folder / 'text'}: the text is not UTF-8: byte "
        checks.report("invalid UTF-8 refused", isinstance(error, str) and where in error
                      and f"at offset {failure.start}" in error, str(error).strip())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    files = tokenizer_texts.prose_files()[::6] + tokenizer_texts.code_files()[::8]
    checks = Checks()
    checks.report("the corpus is there", bool(tokenizer_texts.prose_files()),
                  f"{len(files)} files of {tokenizer_texts.PROSE} and Python's library")
    if not files:
        return checks.finish()
    texts = tokenizer_texts.mixed()
    size = sum(len(text.encode()) for text in texts.values())
    checks.report("the text is more than a megabyte", size > 1 << 20, f"{size} bytes")
    short = {what: texts[what] for what in ("scripts", "spaces", "one")}
    short |= {what: text for what, text in texts.items() if "U+3000" in what or "the same" in what}
    with tempfile.TemporaryDirectory() as folder:
        program = Program(options.program, folder)
        scripts = f"{folder}/scripts.txt"
        pathlib.Path(scripts).write_text(texts["scripts"])
        corpus = files + [scripts]
        ours = f"{folder}/ours.json"
        program.call("train", tokenizer_texts.PROSE, "--vocab", VOCAB, "--out", ours)
        compare(checks, "trained by Tutti", program, ours, texts)
        for name, train in families.FAMILIES.items():
            path = f"{folder}/{name}.json"
            pathlib.Path(path).write_text(train(corpus, VOCAB))
            compare(checks, name, program, path, texts)
        for name in families.SENTENCEPIECE:
            families.train_sentencepiece(name, corpus, VOCAB, f"{folder}/{name}")
            compare_sentencepiece(checks, name, program, f"{folder}/{name}.model", texts)
        base = pathlib.Path(f"{folder}/gpt2.json").read_text()
        steps = [("pre_tokenizer", step) for step in PRE_TOKENIZERS]
        steps += [("normalizer", step) for step in NORMALIZERS]
        compare_steps(checks, program, base, folder, steps, short)
        compare_steps(checks, program, base, folder, CLASSES, tokenizer_texts.all_of_unicode())
        compare_added_tokens(checks, program, base, folder, texts)
        compare_broken(checks, program, f"{folder}/gpt2.json")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
