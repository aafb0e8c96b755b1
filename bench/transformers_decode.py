#!/usr/bin/env python3
"""The transformers side of bench/vs_transformers: greedy decoding and prompts of a Llama on the CPU.

Commands on standard input, one a line, each answered with one line of JSON: "decode" (a short
prompt, then --tokens tokens one by one, which count), "prompt" (--prompt tokens at once), "end".
The first line printed describes the set-up.

The model is LlamaForCausalLM with random weights, eager, in inference mode, with its default
attention (scaled_dot_product_attention). Decoding is whatever of these is the fastest here: a tight
greedy loop over past_key_values with a growing or a preallocated cache, or generate(). The logits of
a prompt are asked for at its last position only, as generate() does.
"""

import argparse
import json
import sys
import time

import torch
import transformers
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM, StaticCache

# As src/models/presets.cc has them: layers, embed, heads, kv_heads, mlp, vocabulary, context, theta.
SIZES = {"llama-tiny": (2, 64, 4, 2, 192, 512, 128, 10000.0),
         "smollm2-135m": (30, 576, 9, 3, 1536, 49152, 8192, 100000.0)}
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def make_model(preset, dtype):
    layers, embed, heads, kv_heads, mlp, vocab, context, theta = SIZES[preset]
    config = LlamaConfig(hidden_size=embed, intermediate_size=mlp, num_hidden_layers=layers,
                         num_attention_heads=heads, num_key_value_heads=kv_heads, vocab_size=vocab,
                         max_position_embeddings=context, tie_word_embeddings=True,
                         rms_norm_eps=1e-5)
    if hasattr(config, "rope_parameters"):
        config.rope_parameters = {"rope_type": "default", "rope_theta": theta}
    else:
        config.rope_theta = theta
    return LlamaForCausalLM(config).to(DTYPES[dtype]).eval()


class Bench:
    def __init__(self, options):
        self.options = options
        torch.set_num_threads(options.threads)
        torch.manual_seed(1)
        self.model = make_model(options.preset, options.dtype)

    def tokens(self, count):
        return torch.randint(0, self.model.config.vocab_size, (1, count))

    def new_cache(self, kind):
        if kind == "growing":
            return DynamicCache()
        return StaticCache(config=self.model.config,
                           max_cache_len=self.options.start + self.options.tokens)

    @torch.inference_mode()
    def decode_loop(self, kind):
        """Seconds of --tokens steps, each of which reads one token and takes the likeliest next."""
        cache, start = self.new_cache(kind), self.options.start
        out = self.model(self.tokens(start), past_key_values=cache, use_cache=True,
                         logits_to_keep=1, cache_position=torch.arange(start))
        token = out.logits[:, -1].argmax(-1, keepdim=True)
        position = torch.tensor([start])
        begin = time.perf_counter()
        for _ in range(self.options.tokens):
            out = self.model(token, past_key_values=cache, use_cache=True, cache_position=position)
            token = out.logits[:, -1].argmax(-1, keepdim=True)
            position += 1
        return time.perf_counter() - begin

    @torch.inference_mode()
    def decode_generate(self):
        """The same by generate(), less what one token after the prompt takes."""
        def seconds(count):
            tokens = self.tokens(self.options.start)
            begin = time.perf_counter()
            self.model.generate(tokens, attention_mask=torch.ones_like(tokens), do_sample=False,
                                min_new_tokens=count, max_new_tokens=count, pad_token_id=0)
            return time.perf_counter() - begin
        return seconds(self.options.tokens + 1) - seconds(1)

    def decode(self, how):
        return self.decode_generate() if how == "generate" else self.decode_loop(how)

    @torch.inference_mode()
    def prompt(self):
        tokens = self.tokens(self.options.prompt)
        begin = time.perf_counter()
        self.model(tokens, use_cache=True, logits_to_keep=1)
        return time.perf_counter() - begin

    def choose(self):
        """The fastest way to decode, and what each took (the better of two)."""
        seconds = {}
        for how in ("growing", "preallocated", "generate"):
            self.decode(how)
            seconds[how] = min(self.decode(how) for _ in range(2))
        return min(seconds, key=seconds.get), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=SIZES, default="smollm2-135m")
    parser.add_argument("--dtype", choices=DTYPES, default="f32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--start", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=64)
    options = parser.parse_args()

    def answer(value):
        print(json.dumps(value), flush=True)

    bench = Bench(options)
    how, seconds = bench.choose()
    answer({"torch": torch.__version__, "transformers": transformers.__version__,
            "threads": torch.get_num_threads(), "dtype": options.dtype,
            "attention": bench.model.config._attn_implementation,
            "parameters": bench.model.num_parameters(), "decoding": how,
            "decoding_seconds": seconds})
    for line in sys.stdin:
        command = line.strip()
        if command == "end":
            return
        if command == "decode":
            answer({"seconds": bench.decode(how), "tokens": options.tokens})
        elif command == "prompt":
            answer({"seconds": bench.prompt(), "tokens": options.prompt})
        else:
            raise SystemExit(f"'{command}' is no command")


if __name__ == "__main__":
    main()
