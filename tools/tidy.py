#!/usr/bin/env python3
"""Checks how the code is laid out and written. Runs as the test "tidy"; also: make tidy.

Prints one line a finding, "path:line: what; what to do instead", and ends with status 1 when there
is any. `--tighten` lowers the ratchets of tools/ratchet.json to what the code now needs; nothing
raises them but an edit by hand, which a reviewer sees. Standard library only.
"""

import argparse
import json
import pathlib
import re
import sys

from cpp_text import Source, functions

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
CODE_FOLDERS = ("src", "cli", "tests", "fuzz", "bench")
RATCHET = "tools/ratchet.json"


def is_test(path):
    """A test, or what only tests include: x_test.cc, x_test.h, test_x.h."""
    stem = pathlib.PurePosixPath(path).stem
    return stem.endswith("_test") or stem.startswith("test_")


class Ban:
    """A pattern that must not occur in the code, and what to write in its place."""

    def __init__(self, pattern, instead, under="", allowed=(), tests=True):
        self.pattern = re.compile(pattern)
        self.instead = instead
        self.under = under  # only files below this folder
        self.allowed = allowed  # files and folders that may
        self.tests = tests  # whether tests are looked at too

    def applies(self, path):
        if not path.startswith(self.under) or path.startswith(tuple(self.allowed)):
            return False
        return self.tests or not is_test(path)


KERNEL_TABLES = ("src/tensor/available_memory.cc", "src/execute/host.cc")
BANS = (
    Ban(r"\bstd::w?regex\b", "PCRE2 with limits, by data/regex.h"),
    Ban(r"(?<![\w:])(?:std::)?v?f?printf\s*\(", "log_info (base/log.h), or return the text",
        under="src/", allowed=("src/base/status.cc",), tests=False),
    Ban(r"\bstd::(?:cout|cerr|clog)\b", "log_info (base/log.h), or return the text", under="src/",
        tests=False),
    Ban(r"\busing namespace\b", "the names that are needed, one by one", under="src/",
        tests=False),
    Ban(r"\bREGISTER_\w+\s*\(|\bstatic\s+\w*Registr\w*\s+\w+", "a row in an explicit table"),
    Ban(r"\b(?:steady|system|high_resolution)_clock\b", "Clock (base/clock.h)", under="src/",
        allowed=("src/base/",), tests=False),
    Ban(r"\bsleep_(?:for|until)\b|\bu?sleep\s*\(", "Clock::sleep_s (base/clock.h)", under="src/",
        allowed=("src/base/",), tests=False),
    Ban(r"\bstd::(?:i|o)?fstream\b|\bfopen\s*\(|\bstd::filesystem\b", "FileSystem (base/fs.h)",
        under="src/", allowed=("src/base/",) + KERNEL_TABLES, tests=False),
    # A checkpoint's write token must differ between runs of the same seed.
    Ban(r"\bstd::(?:random_device|mt19937(?:_64)?)\b|(?<![\w:])s?rand\s*\(", "base/rng.h",
        under="src/", allowed=("src/checkpoint/save.cc",), tests=False),
)
BUILD_BANS = (
    Ban(r"-march=native", "x86-64-v3 and x86-64-v4, chosen at run time"),
    Ban(r"-ffast-math|-Ofast", "plain -O2 or -O3: results must not depend on the compiler"),
)
VAGUE_NAME = re.compile(r"(?:^|_)(?:util|utils|helper|helpers|manager|misc)(?:_|$)")


def code_files(root):
    for folder in CODE_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path.relative_to(root).as_posix()


def check_bans(source):
    for ban in BANS:
        if not ban.applies(source.path):
            continue
        for number, line in enumerate(source.code_lines, 1):
            if found := ban.pattern.search(line):
                yield number, f"'{found.group().strip()}' is not used here; use {ban.instead}"


def check_shared_ptr(source):
    """A shared_ptr needs a comment, on its line or just above, that says why."""
    for number, line in enumerate(source.code_lines, 1):
        if "shared_ptr" not in line or line.lstrip().startswith("#"):
            continue
        above = source.lines[number - 2] if number > 1 else ""
        if "//" not in source.lines[number - 1] and not above.lstrip().startswith("//"):
            yield number, "shared_ptr without a comment that says why; use unique_ptr"


def check_todo(source):
    for number, line in enumerate(source.lines, 1):
        if re.search(r"\b(?:FIXME|XXX)\b", line):
            yield number, "use TODO(name): what"
        elif re.search(r"\bTODO\b(?!\([\w.-]+\))", line):
            yield number, "TODO without an owner; write TODO(name): what"


def check_header(source):
    if not source.path.endswith(".h"):
        return
    if not source.lines or not source.lines[0].startswith("//"):
        yield 1, "a header opens with a comment: purpose, thread-safety, ownership, invariants"
    if not any(line.strip() == "#pragma once" for line in source.lines):
        yield 1, "missing #pragma once"


def check_name(source):
    if VAGUE_NAME.search(pathlib.PurePosixPath(source.path).stem):
        yield 1, "a vague file name; name what is in it"


SOURCE_CHECKS = (check_bans, check_shared_ptr, check_todo, check_header, check_name)


def folder_order(root):
    """The folders of src/ in the order of src/CMakeLists.txt's foreach."""
    text = (root / "src/CMakeLists.txt").read_text()
    found = re.search(r"foreach\s*\(\s*folder\b([^)]*)\)", text)
    return found.group(1).split() if found else []


def check_include_order(root, sources):
    order = {name: i for i, name in enumerate(folder_order(root))}
    if not order:
        yield "src/CMakeLists.txt", 1, "no foreach(folder ...) that gives the order of the folders"
    for source in sources:
        parts = source.path.split("/")
        if parts[0] != "src" or len(parts) < 3:
            continue
        if parts[1] not in order:
            yield source.path, 1, f"folder '{parts[1]}' is not in the list of src/CMakeLists.txt"
            continue
        for number, target in source.includes:
            folder = target.split("/")[0]
            if folder in order and order[folder] > order[parts[1]]:
                yield (source.path, number,
                       f"{parts[1]}/ may not include {folder}/, which comes after it in "
                       "src/CMakeLists.txt; move the code or pass what is needed")


def check_built(root, sources):
    """Every .cc is named in the CMakeLists.txt of its folder; every header is included."""
    included = {target.split("/")[-1] for source in sources for _, target in source.includes}
    lists = {}
    for source in sources:
        path = pathlib.PurePosixPath(source.path)
        if path.suffix == ".h":
            if path.name not in included:
                yield source.path, 1, "no file includes this header; include or remove it"
            continue
        folder = "/".join(path.parts[:2]) if path.parts[0] == "src" else path.parts[0]
        cmake = root / folder / "CMakeLists.txt"
        if folder not in lists:
            text = cmake.read_text() if cmake.exists() else ""
            text = re.sub(r"#.*", "", text)
            lists[folder] = set(re.split(r"[\s()\"]+", text))
            if folder == "bench":  # tutti_bench(bench_x) builds bench_x.cc
                lists[folder] |= {word + ".cc" for word in lists[folder]}
        name = path.relative_to(folder).as_posix()
        if name not in lists[folder]:
            yield source.path, 1, f"not named in {folder}/CMakeLists.txt; add it or remove it"


def check_build_files(root):
    files = [*root.glob("*.txt"), *root.glob("*.json"), *root.glob("cmake/*")]
    for folder in CODE_FOLDERS:
        files += (root / folder).rglob("CMakeLists.txt")
    for path in files:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for ban in BUILD_BANS:
                if found := ban.pattern.search(line.split("#")[0]):
                    where = path.relative_to(root).as_posix()
                    yield where, number, f"{found.group()} is not used; use {ban.instead}"


DOC_PATH = re.compile(r"`((?:src|cli|tests|fuzz|bench|configs|docs|tools|cmake)/[\w./-]+)`")
DOC_LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)[^)]*\)")


def check_docs(root):
    for path in [*root.glob("*.md"), *(root / "docs").rglob("*.md")]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            where = path.relative_to(root).as_posix()
            for link in DOC_LINK.findall(line):
                if ":" not in link and not (path.parent / link).exists():
                    yield where, number, f"links to {link}, which does not exist"
            for name in DOC_PATH.findall(line):
                # A recipe (docs/adding-an-op.md) names files that its reader will make.
                if not path.name.startswith("adding-") and not (root / name).exists():
                    yield where, number, f"mentions {name}, which does not exist"


def measure_lengths(sources):
    """What is longer than the limits: {"files": {path: lines}, "functions": {path name: lines}}."""
    lengths = {"files": {}, "functions": {}, "first_lines": {}}
    for source in sources:
        if len(source.lines) > FILE_LINES_MAX:
            lengths["files"][source.path] = len(source.lines)
        for function in functions(source):
            if function.lines > FUNCTION_LINES_MAX:
                name = f"{source.path} {function.name}"
                if function.lines > lengths["functions"].get(name, 0):
                    lengths["functions"][name] = function.lines
                    lengths["first_lines"][name] = function.first_line
    return lengths


def check_lengths(lengths, ratchet):
    limits = {"files": FILE_LINES_MAX, "functions": FUNCTION_LINES_MAX}
    for kind, limit in limits.items():
        for name, lines in lengths[kind].items():
            allowed = max(limit, ratchet.get(kind, {}).get(name, 0))
            if lines > allowed:
                path, _, function = name.partition(" ")
                what = f"{function}: " if function else ""
                first_line = lengths["first_lines"].get(name, 1)
                yield path, first_line, f"{what}{lines} lines, more than {allowed}; split it"


def tightened(lengths, ratchet):
    """The ratchet with each entry lowered to what is needed, and without those not needed."""
    return {kind: {name: min(lines, lengths[kind][name])
                   for name, lines in sorted(ratchet.get(kind, {}).items())
                   if name in lengths[kind]}
            for kind in ("files", "functions")}


def check(root, ratchet, lengths, sources):
    for source in sources:
        for one_check in SOURCE_CHECKS:
            for number, message in one_check(source):
                yield source.path, number, message
    yield from check_include_order(root, sources)
    yield from check_built(root, sources)
    yield from check_build_files(root)
    yield from check_docs(root)
    yield from check_lengths(lengths, ratchet)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--tighten", action="store_true", help="lower the ratchets, then check")
    options = parser.parse_args(arguments)
    root = options.root
    ratchet_path = root / RATCHET
    ratchet = json.loads(ratchet_path.read_text()) if ratchet_path.exists() else {}
    sources = [Source(path, (root / path).read_text()) for path in code_files(root)]
    lengths = measure_lengths(sources)
    if options.tighten:
        ratchet = tightened(lengths, ratchet)
        ratchet_path.write_text(json.dumps(ratchet, indent=2) + "\n")
    findings = sorted(check(root, ratchet, lengths, sources))
    for path, number, message in findings:
        print(f"{path}:{number}: {message}")
    if not options.tighten and tightened(lengths, ratchet) != {
            kind: ratchet.get(kind, {}) for kind in ("files", "functions")}:
        print("note: the code is shorter than tools/ratchet.json allows; run tools/tidy.py --tighten")
    print(f"{len(sources)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
