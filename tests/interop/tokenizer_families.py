"""Tokenizers with the settings of the models that most others follow, trained here.

Each family is a function (files, vocab) -> the text of a tokenizer.json; the sentencepiece ones
write a .model. Small vocabularies show the same behaviour as the published ones.
"""

import json

import tokenizers
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers import trainers

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + REST
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + REST
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def byte_level(files, vocab, special, pre_tokenizer, normalizer=None, post=None, **model):
    made = tokenizers.Tokenizer(models.BPE(**model))
    made.pre_tokenizer = pre_tokenizer
    if normalizer:
        made.normalizer = normalizer
    made.decoder = decoders.ByteLevel()
    made.train(files, trainers.BpeTrainer(
        vocab_size=vocab, special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    made.post_processor = post(made) if post else processors.ByteLevel(trim_offsets=False)
    return made.to_str()


def gpt2(files, vocab):
    return byte_level(files, vocab, ["<|endoftext|>"],
                      pre_tokenizers.ByteLevel(add_prefix_space=False))


def split_then_bytes(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def llama3(files, vocab):
    begin = "<|begin_of_text|>"

    def post(made):
        return processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=f"{begin} $A",
                                          special_tokens=[(begin, made.token_to_id(begin))])])
    return byte_level(files, vocab, [begin, "<|end_of_text|>"], split_then_bytes(LLAMA3), post=post,
                      ignore_merges=True)


def qwen2(files, vocab):
    return byte_level(files, vocab, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
                      split_then_bytes(QWEN2), normalizers.NFC())


def smollm2(files, vocab):
    return byte_level(files, vocab, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
                      pre_tokenizers.Sequence([
                          pre_tokenizers.Digits(individual_digits=True),
                          pre_tokenizers.ByteLevel(add_prefix_space=False)]))


def characters(files, vocab, finish):
    """BPE over characters with bytes for those it does not know; learned word by word."""
    made = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<unk>", "<s>", "</s>"]
    made.train(files, trainers.BpeTrainer(vocab_size=vocab, special_tokens=special + BYTES,
                                          limit_alphabet=400, show_progress=False))
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", made.token_to_id("<s>"))])
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(),
                                      decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    finish(made)
    written = json.loads(made.to_str())
    # Bytes are ordinary tokens: text that spells one must not become it.
    written["added_tokens"] = [t for t in written["added_tokens"] if t["content"] in special]
    if not written["pre_tokenizer"]["split"] and written["normalizer"]:
        written["pre_tokenizer"] = None
    return json.dumps(written, ensure_ascii=False)


def llama2(files, vocab):
    def finish(made):
        made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"),
                                                normalizers.Replace(" ", "▁")])
        made.pre_tokenizer = pre_tokenizers.Metaspace(split=False)  # taken out by characters()
    return characters(files, vocab, finish)


def mistral(files, vocab):
    def finish(made):
        made.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="first", split=False)
    return characters(files, vocab, finish)


def metaspace(files, vocab):
    def finish(made):
        made.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="always", split=True)
        made.decoder = decoders.Metaspace("▁", prepend_scheme="always", split=True)
    return characters(files, vocab, finish)


FAMILIES = {"gpt2": gpt2, "llama3": llama3, "qwen2": qwen2, "smollm2": smollm2, "llama2": llama2,
            "mistral": mistral, "metaspace": metaspace}

# What spm_train is told.
SENTENCEPIECE = {
    "sp-bpe": {"model_type": "bpe", "byte_fallback": True, "split_digits": True,
               "normalization_rule_name": "identity", "remove_extra_whitespaces": False,
               "allow_whitespace_only_pieces": True},
    "sp-bpe-nfkc": {"model_type": "bpe"},
    "sp-unigram": {"model_type": "unigram"},
    "sp-unigram-bytes": {"model_type": "unigram", "byte_fallback": True,
                         "normalization_rule_name": "identity", "remove_extra_whitespaces": False},
}


def train_sentencepiece(name, files, vocab, prefix):
    """Writes prefix.model."""
    import sentencepiece
    sentencepiece.SentencePieceTrainer.train(
        input=files, model_prefix=prefix, vocab_size=vocab, character_coverage=0.9995,
        input_sentence_size=20000, shuffle_input_sentence=False, max_sentence_length=65536,
        hard_vocab_limit=False, minloglevel=2, num_threads=2, **SENTENCEPIECE[name])


# Ordinary added tokens with each of their flags.
ADDED = [AddedToken("<left>", lstrip=True), AddedToken("<right>", rstrip=True),
         AddedToken("word", single_word=True), AddedToken("Exact", normalized=False),
         AddedToken("loose", normalized=True), AddedToken("  ", normalized=False)]
