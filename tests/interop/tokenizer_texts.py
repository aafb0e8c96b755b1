"""Texts on which tokenizers must agree: more than a megabyte of prose, code, many scripts, emoji,
long runs of spaces, and every code point below U+3000."""

import glob
import pathlib
import random
import sysconfig

PROSE = "/usr/share/perl/*/pod/*.pod"
SCRIPTS = [
    "The quick brown fox — naïve café, “quoted” … don't WE'LL I'm you're it'S",
    "Voilà l’été à Besançon; garçon, œuvre, çà et là.", "Übergröße, ärgerlich, Straße, ẞ.",
    "Ελληνικά: ο γρήγορος σκύλος.", "Съешь ещё этих мягких французских булок.",
    "עברית: שָׁלוֹם עולם", "العربية: السلامُ عليكم ١٢٣", "हिन्दी: नमस्ते दुनिया १२३", "ไทย: สวัสดีชาวโลก",
    "中文：你好，世界。今天天气很好。", "日本語：こんにちは世界、カタカナと漢字。", "한국어: 안녕하세요 세계", "Tiếng Việt: Chữ Nôm đẹp",
    "ქართული, հայերեն, አማርኛ, ខ្មែរ, မြန်မာ, தமிழ், తెలుగు",
    "👩‍👩‍👧‍👦 🇫🇷 👍🏽 😀😃 ❤️ ☃ ½ ² Ⅷ ㎏ ﬁ ﷺ Å e\u0301 a\u0323\u0301 \u1100\u1161\u11a8",
    "3.14159 1234567890 0x7fff 1,000,000 ٣٤ 12\u00a034", "if (x<=y) { return *p++ ^ ~mask; } // ok\t\t\\n",
    "<s> </s> <unk> <0x41> <|im_end|> <left> word words Exact loose",
]


def prose_files():
    return sorted(glob.glob(PROSE))


def code_files():
    return sorted(glob.glob(sysconfig.get_paths()["stdlib"] + "/*.py"))


def read(path):
    return pathlib.Path(path).read_text("utf-8", "replace")


def sized(files, size):
    """The texts of as many files as make `size` characters."""
    text = ""
    for file in files:
        if len(text) >= size:
            break
        text += read(file)
    return text[:size]


def code_points(generator):
    below = [chr(c) for c in range(0x3000)]
    shuffled = below[:]
    generator.shuffle(shuffled)
    return {"code points below U+3000": "".join(below),
            "the same, spaced": " ".join(below),
            "the same, shuffled": "".join(shuffled),
            "the same, between letters": "".join(f"a{c}b{c}{c} {c}1" for c in below)}


def all_of_unicode():
    return {"all of Unicode": "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)}


def mixed(seed=1):
    """Name -> text."""
    generator = random.Random(seed)
    scripts = []
    for _ in range(3000):
        words = generator.choice(SCRIPTS).split(" ")
        generator.shuffle(words)
        scripts.append(generator.choice(["", " ", "  ", "\n", "\t"]) + " ".join(words))
    spaces = [" " * n + generator.choice("ab\n\t.") for n in [*range(70), 127, 128, 1000, 20000]]
    spaces += [c * 300 for c in "\n\t\r=-a1."] + ["\r\n \r\n\t" * 50]
    texts = {"prose": sized(prose_files()[::7], 500_000), "code": sized(code_files()[::5], 400_000),
             "scripts": "\n".join(scripts), "spaces": "".join(spaces), "empty": "", "one": " x"}
    return texts | code_points(generator)


def broken_bytes(seed=2):
    """Text with bytes that are not UTF-8."""
    generator = random.Random(seed)
    data = bytearray("\n".join(SCRIPTS * 20).encode())
    for _ in range(800):
        data[generator.randrange(len(data))] = generator.choice(
            [0x80, 0xBF, 0xC0, 0xC3, 0xE2, 0xED, 0xF0, 0xF4, 0xFF, 0x41])
    return bytes(data)
