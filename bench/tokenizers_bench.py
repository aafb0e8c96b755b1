#!/usr/bin/env python3
"""Times encoding, and training, of Tutti and Hugging Face's tokenizers side by side.

Both stay alive as processes, with the same texts in memory and the same number of threads, and
take turns, A B A B, so that what else the machine does hits both alike. Prints the ratio of the
speeds (Tutti / tokenizers) over the pairs: median, least and largest. Each kind is trained here, on
a part of the texts, with the settings of its family (tests/interop/tokenizer_families.py). Of a
sentencepiece model the other side is the same model in Hugging Face's form.

    bench/tokenizers_bench                           every kind, 1 and 2 threads
    bench/tokenizers_bench --kind llama3 --threads 1
    bench/tokenizers_bench --train                   a vocabulary of 32,768 on 50 MB
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/interop"))

import tokenizers  # noqa: E402

import tokenizer_families as families  # noqa: E402
import tokenizer_texts  # noqa: E402

DOCUMENT_CHARACTERS = 20000


def documents(megabytes):
    """Texts of the size of articles: prose, code and other scripts, as often as it takes."""
    texts = tokenizer_texts.mixed()
    whole = [tokenizer_texts.read(f) for f in
             tokenizer_texts.prose_files() + tokenizer_texts.code_files()] + [texts["scripts"]] * 4
    cut = [text[at:at + DOCUMENT_CHARACTERS] for text in whole
           for at in range(0, len(text), DOCUMENT_CHARACTERS)]
    total, chosen = 0, []
    for i in range(10**9):
        text = cut[i * 7919 % len(cut)]  # a prime: evenly from everywhere
        size = len(text.encode())
        if total + size > megabytes * 1e6:
            return chosen
        total += size
        chosen.append(text)


def unigram_json(path):
    """A sentencepiece Unigram model in Hugging Face's form."""
    from sentencepiece import sentencepiece_model_pb2
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(pathlib.Path(path).read_bytes())
    made = tokenizers.Tokenizer(tokenizers.models.Unigram(
        [(piece.piece, piece.score) for piece in proto.pieces], proto.trainer_spec.unk_id,
        proto.trainer_spec.byte_fallback))
    steps = []
    if proto.normalizer_spec.precompiled_charsmap:
        steps.append(tokenizers.normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap))
    if proto.normalizer_spec.remove_extra_whitespaces:
        steps += [tokenizers.normalizers.Strip(),
                  tokenizers.normalizers.Replace(tokenizers.Regex(" {2,}"), " ")]
    made.normalizer = tokenizers.normalizers.Sequence(steps)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    return made.to_str()


def bpe_json(path):
    """A sentencepiece BPE model in Hugging Face's form: two pieces merge where they spell a third."""
    from sentencepiece import sentencepiece_model_pb2
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(pathlib.Path(path).read_bytes())
    ids = {piece.piece: i for i, piece in enumerate(proto.pieces)}
    normal = {piece.piece: piece.score for piece in proto.pieces if piece.type == 1}
    merges = [(normal[text], text[:cut], text[cut:]) for text in normal
              for cut in range(1, len(text)) if text[:cut] in normal and text[cut:] in normal]
    merges = [(left, right) for _, left, right in sorted(merges, key=lambda m: -m[0])]
    made = tokenizers.Tokenizer(tokenizers.models.BPE(
        ids, merges, unk_token=proto.pieces[proto.trainer_spec.unk_id].piece, fuse_unk=True,
        byte_fallback=proto.trainer_spec.byte_fallback))
    steps = []
    if proto.normalizer_spec.precompiled_charsmap:
        steps.append(tokenizers.normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap))
    made.normalizer = tokenizers.normalizers.Sequence(
        steps + [tokenizers.normalizers.Prepend("▁"), tokenizers.normalizers.Replace(" ", "▁")])
    return made.to_str()


class Worker:
    """Hugging Face's side, in a process whose number of threads is fixed at its start."""

    def __init__(self, path):
        self.texts = json.loads(pathlib.Path(path).read_text())
        self.tokenizers = {}

    def load(self, name, path):
        self.tokenizers[name] = tokenizers.Tokenizer.from_file(path)
        return {"loaded": path}

    def encode(self, name, _threads):
        start = time.perf_counter()
        encoded = self.tokenizers[name].encode_batch(self.texts, add_special_tokens=False)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "tokens": sum(len(one) for one in encoded)}

    def train(self, vocab, _threads, path):
        made = tokenizers.Tokenizer(tokenizers.models.BPE())
        made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = tokenizers.decoders.ByteLevel()
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=int(vocab), min_frequency=2, special_tokens=["<|endoftext|>"],
            show_progress=False, initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
        start = time.perf_counter()
        made.train_from_iterator(self.texts, trainer)
        seconds = time.perf_counter() - start
        made.save(path)
        return {"seconds": seconds, "tokens": made.get_vocab_size()}

    def serve(self):
        for line in sys.stdin:
            command, *arguments = line.split()
            print(json.dumps(getattr(self, command)(*arguments)), flush=True)


class Side:
    def __init__(self, command, threads):
        environment = os.environ | {"RAYON_NUM_THREADS": str(threads),
                                    "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false"}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=environment)

    def call(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with status {self.process.wait()}")
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def sides(options, texts, threads):
    return (Side([options.program, texts], threads),
            Side([sys.executable, __file__, "--worker", texts], threads))


def report(name, threads, pairs, size):
    ratios = [theirs["seconds"] / ours["seconds"] for ours, theirs in pairs]
    ours = statistics.median(one["seconds"] for one, _ in pairs)
    theirs = statistics.median(one["seconds"] for _, one in pairs)
    print(f"{name:17} {threads} thread{'s' if threads > 1 else ' '}: "
          f"{statistics.median(ratios):5.2f} x ({min(ratios):.2f} to {max(ratios):.2f}, "
          f"{len(ratios)} pairs); {size / ours / 1e6:.1f} and {size / theirs / 1e6:.1f} MB/s",
          flush=True)


def make_tokenizers(folder, kinds, texts, vocab):
    """kind -> (file for Tutti, file for tokenizers)."""
    corpus = f"{folder}/corpus.txt"
    pathlib.Path(corpus).write_text("\n".join(texts))
    files = {}
    for kind in kinds:
        path, model = f"{folder}/{kind}.json", f"{folder}/{kind}.model"
        if pathlib.Path(path).exists():
            files[kind] = (model if kind in families.SENTENCEPIECE else path, path)
        elif kind in families.FAMILIES:
            pathlib.Path(path).write_text(families.FAMILIES[kind]([corpus], vocab))
            files[kind] = (path, path)
        else:
            families.train_sentencepiece(kind, [corpus], vocab, f"{folder}/{kind}")
            convert = unigram_json if "unigram" in kind else bpe_json
            pathlib.Path(path).write_text(convert(model))
            files[kind] = (model, path)
    return files


def bench_encoding(options, folder):
    texts = documents(options.megabytes)
    size = sum(len(text.encode()) for text in texts)
    path = f"{folder}/texts.json"
    pathlib.Path(path).write_text(json.dumps(texts))
    files = make_tokenizers(folder, options.kind, documents(min(options.megabytes, 4)),
                            options.vocab)
    print(f"encoding {size / 1e6:.1f} MB in {len(texts)} texts; tokenizers "
          f"{tokenizers.__version__}", flush=True)
    for threads in options.threads:
        ours, theirs = sides(options, path, threads)
        for kind, (our_file, their_file) in files.items():
            ours.call("load", kind, our_file)
            theirs.call("load", kind, their_file)
            pairs = [(ours.call("encode", kind, threads), theirs.call("encode", kind, threads))
                     for _ in range(options.rounds + 1)][1:]  # the first is to warm up
            report(kind, threads, pairs, size)
        ours.end()
        theirs.end()


def bench_training(options, folder):
    texts = documents(options.megabytes)
    size = sum(len(text.encode()) for text in texts)
    path = f"{folder}/texts.json"
    pathlib.Path(path).write_text(json.dumps(texts))
    print(f"training {options.vocab} tokens on {size / 1e6:.1f} MB; tokenizers "
          f"{tokenizers.__version__}", flush=True)
    for threads in options.threads:
        ours, theirs = sides(options, path, threads)
        pairs = [(ours.call("train", options.vocab, threads, f"{folder}/ours.json"),
                  theirs.call("train", options.vocab, threads, f"{folder}/theirs.json"))
                 for _ in range(options.rounds)]
        report("training", threads, pairs, size)
        ours.end()
        theirs.end()
        models = [json.loads(pathlib.Path(f"{folder}/{one}.json").read_text())["model"]
                  for one in ("ours", "theirs")]
        merges = [[tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in one["merges"]]
                  for one in models]
        same = models[0]["vocab"] == models[1]["vocab"] and merges[0] == merges[1]
        print(f"the two learned {'the same' if same else 'different'} tokens and merges")


def main():
    kinds = [*families.FAMILIES, *families.SENTENCEPIECE]
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/bench/tokenizer_bench"))
    parser.add_argument("--kind", choices=kinds, action="append")
    parser.add_argument("--threads", type=int, action="append")
    parser.add_argument("--rounds", type=int, help="pairs that are timed: 7, of training 3")
    parser.add_argument("--megabytes", type=float, help="of text: 8, for training 50")
    parser.add_argument("--vocab", type=int, default=32768)
    parser.add_argument("--train", action="store_true", help="time training, not encoding")
    parser.add_argument("--folder", help="keep what was trained here, and use what is there already")
    parser.add_argument("--worker", metavar="TEXTS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return Worker(options.worker).serve()
    options.kind = options.kind or kinds
    options.threads = options.threads or [1, 2]
    options.rounds = options.rounds or (3 if options.train else 7)
    options.megabytes = options.megabytes or (50 if options.train else 8)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or temporary
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        (bench_training if options.train else bench_encoding)(options, folder)


if __name__ == "__main__":
    main()
