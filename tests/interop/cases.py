"""The cases that are compared, and where they start: tests/reference/reference_case.cc in Python.

A case has the keys that parse_reference_case reads. Weights and tokens come from the counter-based
generator, by name, so both sides have the same ones.
"""

import math

import numpy as np

import counter_rng

NO_SCALING = {"factor": 1.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_context": 8192}
# Of the four frequencies of a head of 8, one keeps its wavelength, one is between, two are scaled.
SCALING = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_context": 96}


def _case(name, model):
    return {
        "name": name,
        "model": {"layers": 2, "embed": 48, "vocab": 101, "context": 32, "tied_embeddings": False,
                  "qkv_bias": False, "norm_epsilon": 1e-5, "rope_theta": 10000.0,
                  "rope_scaling": NO_SCALING, **model},
        "seq": 24, "batch": 2, "microbatches": 2, "batches": 8, "steps": 100, "seed": 20240229,
        "weight_range": 0.15,
        "optimizer": {"beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1,
                      "grad_clip": 1.0},
        "schedule": {"lr": 2e-3, "min_lr": 2e-4, "warmup_steps": 10, "decay_steps": 90},
    }


CASES = (
    _case("gpt2", {"architecture": "gpt2", "heads": 4, "kv_heads": 4, "head_dim": 12, "mlp": 192,
                   "tied_embeddings": True, "qkv_bias": True}),
    _case("llama", {"architecture": "llama", "heads": 6, "kv_heads": 2, "head_dim": 8, "mlp": 80,
                    "rope_scaling": SCALING}),
    # Qwen2's biases of queries, keys and values, its epsilon and base.
    _case("qwen2", {"architecture": "llama", "heads": 4, "kv_heads": 2, "head_dim": 12, "mlp": 112,
                    "qkv_bias": True, "norm_epsilon": 1e-6, "rope_theta": 1e6}),
    # Qwen3's norms of heads, of a width of their own; a window shorter than the sequence.
    _case("qwen3", {"architecture": "llama", "heads": 4, "kv_heads": 2, "head_dim": 16, "mlp": 112,
                    "qk_norm": True, "norm_epsilon": 1e-6, "rope_theta": 1e6, "window": 7}),
)


def parameter_shapes(case):
    """Name -> shape; a weight is [out dims..., in dims...]."""
    m = case["model"]
    embed, mlp, kv, head = m["embed"], m["mlp"], m["kv_heads"], m["head_dim"]
    group = m["heads"] // kv
    gpt2 = m["architecture"] == "gpt2"
    shapes = {"embed.weight": (m["vocab"], embed)}

    def norm(name):
        shapes[name + ".weight"] = (embed,)
        if gpt2:
            shapes[name + ".bias"] = (embed,)

    def linear(name, out, contract, bias):
        shapes[name + ".weight"] = out + contract
        if bias:
            shapes[name + ".bias"] = out

    if gpt2:
        shapes["position.weight"] = (m["context"], embed)
    for layer in range(m["layers"]):
        prefix = f"layers.{layer}."
        norm(prefix + "attn_norm")
        linear(prefix + "attn.q", (kv, group, head), (embed,), m["qkv_bias"])
        linear(prefix + "attn.k", (kv, head), (embed,), m["qkv_bias"])
        linear(prefix + "attn.v", (kv, head), (embed,), m["qkv_bias"])
        if m.get("qk_norm"):
            shapes[prefix + "attn.q_norm.weight"] = shapes[prefix + "attn.k_norm.weight"] = (head,)
        linear(prefix + "attn.o", (embed,), (kv, group, head), gpt2)
        norm(prefix + "mlp_norm")
        for name in ("up",) if gpt2 else ("gate", "up"):
            linear(prefix + "mlp." + name, (mlp,), (embed,), gpt2)
        linear(prefix + "mlp.down", (embed,), (mlp,), gpt2)
    norm("final_norm")
    if not m["tied_embeddings"]:
        shapes["head.weight"] = (m["vocab"], embed)
    return shapes


def weights(case, name, shape):
    key = counter_rng.rng_key(case["seed"], 0, name)
    u = counter_rng.uniforms(key, math.prod(shape))
    centre = np.float32(1 if name.endswith("norm.weight") else 0)
    scaled = np.float32(case["weight_range"]) * (np.float32(2) * u - np.float32(1))
    return (centre + scaled).reshape(shape)


def batch(case, number):
    """tokens and labels, int32[microbatch, batch, seq]; a label of -1 is ignored."""
    seq, vocab = case["seq"], case["model"]["vocab"]
    samples = case["microbatches"] * case["batch"]
    key = counter_rng.rng_key(case["seed"], number, "tokens")
    words = counter_rng.words(key, samples * (seq + 1)).astype(np.int64).reshape(samples, seq + 1)
    tokens = np.empty((samples, seq + 1), np.int64)
    tokens[:, 0] = words[:, 0] % vocab
    for i in range(seq):
        tokens[:, i + 1] = (5 * tokens[:, i] + 7 + words[:, i + 1] % 3) % vocab
    labels = tokens[:, 1:].copy()
    every = 7 + 4 * (np.arange(samples) // case["batch"])
    labels[np.arange(samples * seq).reshape(samples, seq) % every[:, None] == 0] = -1
    shape = (case["microbatches"], case["batch"], seq)
    return tokens[:, :-1].astype(np.int32).reshape(shape), labels.astype(np.int32).reshape(shape)


def learning_rate(case, step):
    """src/optim/lr_schedule.h, cosine."""
    s = case["schedule"]
    if step < s["warmup_steps"]:
        return s["lr"] * (step + 1) / s["warmup_steps"]
    progress = min(1.0, (step - s["warmup_steps"]) / s["decay_steps"])
    share = 0.5 - 0.5 * math.cos(math.pi * progress)
    return (1 - share) * s["lr"] + share * s["min_lr"]


def sketch(case, name, gradient):
    """Norm and projections of a gradient: tests/reference/gradient_sketch.h."""
    flat = gradient.astype(np.float64).reshape(-1)
    words = counter_rng.words(counter_rng.rng_key(case["seed"], 1, name), flat.size)
    projections = [float(np.where(words >> j & 1, flat, -flat).sum()) for j in range(32)]
    return {"norm": float(np.linalg.norm(flat)), "projections": projections}
