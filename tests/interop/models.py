"""GPT-2 and Llama in PyTorch, written from their papers, with Tutti's parameter names and shapes.

Radford et al., "Language Models are Unsupervised Multitask Learners", 2019; Touvron et al.,
"LLaMA", 2023; Shazeer, "GLU Variants Improve Transformer", 2020; Su et al., "RoFormer", 2021;
Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019. Everything is spelled out in plain
tensor operations: nothing here is to be fast.
"""

import math

import torch


def layer_norm(x, weight, bias, epsilon):
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + epsilon) * weight + bias


def rms_norm(x, weight, epsilon):
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + epsilon) * weight


def gelu_new(x):
    """The tanh approximation (Hendrycks and Gimpel, 2016)."""
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def inverse_frequencies(model):
    """theta^(-2i/k), with Llama 3's scaling of long wavelengths. Angles are float32 in Llama."""
    half = model["head_dim"] // 2
    scaling = model["rope_scaling"]
    result = []
    for i in range(half):
        frequency = model["rope_theta"] ** (-i / half)
        if scaling["factor"] != 1.0:
            wavelength = 2 * math.pi / frequency
            turns = scaling["original_context"] / wavelength  # in the context it was trained for
            low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
            keep = min(1.0, max(0.0, (turns - low) / (high - low)))
            frequency *= keep + (1 - keep) / scaling["factor"]
        result.append(frequency)
    return torch.tensor(result, dtype=torch.float32)


def rope(x, model):
    """Rotates pairs (i, i + k/2) of x[batch, seq, heads..., k] by the position."""
    positions = torch.arange(x.shape[1], dtype=torch.float32)
    angles = positions[:, None] * inverse_frequencies(model)  # [seq, k/2]
    shape = (1, x.shape[1]) + (1,) * (x.dim() - 3) + (angles.shape[1],)
    cos, sin = angles.cos().to(x.dtype).reshape(shape), angles.sin().to(x.dtype).reshape(shape)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class Model:
    """Parameters by name, and the mean loss over labelled tokens."""

    def __init__(self, model, parameters):
        self.model = model
        self.p = parameters

    def linear(self, x, name):
        """Contracts the last dims of x with the last dims of the weight."""
        weight = self.p[name + ".weight"]
        bias = self.p.get(name + ".bias")
        contracted = 3 if name.endswith("attn.o") else 1
        dims = list(range(-contracted, 0))
        y = torch.tensordot(x, weight, dims=(dims, dims))
        return y if bias is None else y + bias

    def norm(self, x, name):
        if self.model["architecture"] == "gpt2":
            return layer_norm(x, self.p[name + ".weight"], self.p[name + ".bias"],
                              self.model["norm_epsilon"])
        return rms_norm(x, self.p[name + ".weight"], self.model["norm_epsilon"])

    def attention(self, x, name):
        """Letters: b batch, s query, t key, h key head, g query of its group, k head_dim."""
        q, k, v = (self.linear(x, f"{name}.{part}") for part in "qkv")
        if self.model.get("qk_norm"):
            q = rms_norm(q, self.p[name + ".q_norm.weight"], self.model["norm_epsilon"])
            k = rms_norm(k, self.p[name + ".k_norm.weight"], self.model["norm_epsilon"])
        if self.model["architecture"] == "llama":
            q, k = rope(q, self.model), rope(k, self.model)
        scores = torch.einsum("bshgk,bthk->bhgst", q, k) / math.sqrt(self.model["head_dim"])
        seq = x.shape[1]
        hidden = torch.ones(seq, seq, dtype=torch.bool).triu(1)
        if self.model.get("window"):
            hidden |= torch.ones(seq, seq, dtype=torch.bool).tril(-self.model["window"])
        weights = torch.softmax(scores.masked_fill(hidden, -math.inf), dim=-1)
        heads = torch.einsum("bhgst,bthk->bshgk", weights, v)
        return self.linear(heads, name + ".o")

    def mlp(self, x, name):
        if self.model["architecture"] == "gpt2":
            return self.linear(gelu_new(self.linear(x, name + ".up")), name + ".down")
        gate = self.linear(x, name + ".gate")
        return self.linear(gate * torch.sigmoid(gate) * self.linear(x, name + ".up"),
                           name + ".down")

    def loss(self, tokens, labels):
        """tokens and labels [batch, seq]; a label < 0 is ignored."""
        x = self.p["embed.weight"][tokens]
        if self.model["architecture"] == "gpt2":
            x = x + self.p["position.weight"][: tokens.shape[1]]
        for layer in range(self.model["layers"]):
            prefix = f"layers.{layer}."
            x = x + self.attention(self.norm(x, prefix + "attn_norm"), prefix + "attn")
            x = x + self.mlp(self.norm(x, prefix + "mlp_norm"), prefix + "mlp")
        x = self.norm(x, "final_norm")
        logits = x @ self.p.get("head.weight", self.p["embed.weight"]).T
        picked = torch.log_softmax(logits, dim=-1).gather(-1, labels.clamp(min=0)[..., None])
        labelled = labels >= 0
        return -(picked[..., 0] * labelled).sum() / labelled.sum()
