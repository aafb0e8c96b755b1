"""Sizes of the presets that bench/vs_pytorch compares, as src/models/presets.cc has them."""

# layers, embed, heads, vocabulary, context
SIZES = {"gpt2-tiny": (2, 64, 4, 512, 128), "gpt2-124m": (12, 768, 12, 50257, 1024)}
