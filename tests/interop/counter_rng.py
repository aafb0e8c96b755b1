"""Tutti's counter-based random numbers in NumPy: Philox4x32-10, keyed as src/base/rng.h says."""

import numpy as np

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def _mix(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def stable_hash(text):
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def rng_key(seed, step, name):
    key = _mix((seed + GOLDEN) & MASK)
    key = _mix(((key ^ step) + GOLDEN) & MASK)
    return _mix(((key ^ stable_hash(name)) + GOLDEN) & MASK)


def words(key, count):
    """The first `count` 32-bit words of a key: word i is word i % 4 of counter i / 4."""
    counters = np.arange((count + 3) // 4, dtype=np.uint64)
    low = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    c0, c1 = counters & low, counters >> shift
    c2, c3 = np.zeros_like(c0), np.zeros_like(c0)
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c2 = (p1 >> shift) ^ c1 ^ np.uint64(k0), (p0 >> shift) ^ c3 ^ np.uint64(k1)
        c1, c3 = p1 & low, p0 & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=1).reshape(-1)[:count].astype(np.uint32)


def uniforms(key, count):
    """float32 in [0, 1) with 24 bits."""
    return (words(key, count) >> 8).astype(np.float32) * np.float32(2.0**-24)
