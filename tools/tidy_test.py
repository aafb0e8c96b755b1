#!/usr/bin/env python3
"""Tests of tidy.py: each rule finds what it should in a small tree, and nothing in a clean one."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import tidy
from cpp_text import Source, functions

CLEAN = {
    "src/CMakeLists.txt": "foreach(folder\n    base data)\n",
    "src/base/CMakeLists.txt": "tutti_folder(base SOURCES text.cc)\n",
    "src/base/text.h": "// Text.\n#pragma once\n",
    "src/base/text.cc": '#include "base/text.h"\n\nint one() { return 1; }\n',
    "src/data/CMakeLists.txt": "tutti_folder(data SOURCES read.cc DEPS base)\n",
    "src/data/read.cc": '#include "base/text.h"\n',
    "README.md": "See [the code](src/base/text.h) and `src/data/read.cc`.\n",
}


def run(changes, *options):
    """The findings of tidy on the clean tree with `changes`, and the tree's ratchet afterwards."""
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for path, text in {**CLEAN, **changes}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = tidy.main(["--root", name, *options])
        ratchet = root / tidy.RATCHET
        kept = json.loads(ratchet.read_text()) if ratchet.exists() else None
        return status, output.getvalue(), kept


def lines_of_function(count):
    return "int f() {\n" + "  g();\n" * (count - 2) + "}\n"


class TidyTest(unittest.TestCase):
    def assert_finds(self, changes, text):
        status, output, _ = run(changes)
        self.assertEqual(status, 1, output)
        self.assertIn(text, output)

    def assert_clean(self, changes):
        status, output, _ = run(changes)
        self.assertEqual(status, 0, output)

    def test_a_clean_tree_has_no_findings(self):
        self.assert_clean({})

    def test_an_include_of_a_later_folder_is_found(self):
        self.assert_finds({"src/data/read.h": "// Reads.\n#pragma once\n",
                           "src/base/text.cc": '#include "base/text.h"\n#include "data/read.h"\n'},
                          "src/base/text.cc:2: base/ may not include data/")

    def test_a_folder_outside_the_list_is_found(self):
        self.assert_finds({"src/extra/CMakeLists.txt": "a.cc\n", "src/extra/a.cc": ""},
                          "folder 'extra' is not in the list")

    def test_a_source_outside_the_build_is_found_even_if_a_comment_names_it(self):
        self.assert_finds({"src/data/CMakeLists.txt": "# read.cc\n"},
                          "src/data/read.cc:1: not named in src/data/CMakeLists.txt")

    def test_a_header_that_nothing_includes_is_found(self):
        self.assert_finds({"src/base/lost.h": "// Lost.\n#pragma once\n"},
                          "src/base/lost.h:1: no file includes this header")

    def test_banned_things_are_found_in_code(self):
        for line in ("std::regex r;", 'printf("x");', "std::cout << 1;", "using namespace std;",
                     "REGISTER_OP(add)", "auto t = std::chrono::steady_clock::now();",
                     'std::ifstream f("x");', "std::mt19937 g;", "std::shared_ptr<int> p;"):
            self.assert_finds({"src/data/read.cc": line + "\n"}, "src/data/read.cc:1: ")

    def test_banned_things_are_allowed_in_comments_and_strings(self):
        self.assert_clean({"src/data/read.cc": '// never std::regex\nauto s = "printf(";\n'
                                               'auto r = R"x(using namespace)x";\n'})

    def test_names_that_only_resemble_banned_ones_are_allowed(self):
        self.assert_clean({"src/data/read.cc": "snprintf(b, 9, f);\nfmt::vprintf(x);\noperand(1);\n"})

    def test_a_shared_ptr_with_a_reason_is_allowed(self):
        self.assert_clean({"src/data/read.cc": "// Shared: both threads end it.\n"
                                               "std::shared_ptr<int> p;\n"})

    def test_a_todo_needs_an_owner(self):
        self.assert_finds({"src/data/read.cc": "// TODO: later\n"}, "TODO without an owner")
        self.assert_clean({"src/data/read.cc": "// TODO(ada): later\n"})

    def test_flags_that_change_results_are_found(self):
        self.assert_finds({"CMakeLists.txt": "add_compile_options(-ffast-math)\n"},
                          "CMakeLists.txt:1: -ffast-math")
        self.assert_finds({"CMakePresets.json": '{"flags": "-march=native"}\n'}, "-march=native")

    def test_a_doc_that_names_a_missing_file_is_found(self):
        self.assert_finds({"README.md": "[x](docs/none.md)\n"}, "links to docs/none.md")
        self.assert_finds({"docs/a.md": "see `src/none.cc`\n"}, "mentions src/none.cc")
        self.assert_clean({"docs/adding-an-op.md": "make `src/none.cc`\n"})
        self.assert_clean({"docs/a.md": "[out](https://example.org/a) [up](../README.md)\n"})

    def test_a_header_needs_an_opening_comment(self):
        self.assert_finds({"src/base/text.h": "#pragma once\n"}, "a header opens with a comment")

    def test_a_vague_name_is_found(self):
        self.assert_finds({"src/base/CMakeLists.txt": "text.cc string_utils.cc",
                           "src/base/string_utils.cc": ""}, "a vague file name")

    def test_long_functions_and_files_are_found(self):
        self.assert_clean({"src/data/read.cc": lines_of_function(70)})
        self.assert_finds({"src/data/read.cc": lines_of_function(71)},
                          "f: 71 lines, more than 70; split it")
        self.assert_finds({"src/data/read.cc": "\n" * 501}, "501 lines, more than 500; split it")

    def test_the_ratchet_allows_what_it_names_and_no_more(self):
        ratchet = json.dumps({"files": {}, "functions": {"src/data/read.cc f": 80}})
        self.assert_clean({"src/data/read.cc": lines_of_function(80), tidy.RATCHET: ratchet})
        self.assert_finds({"src/data/read.cc": lines_of_function(81), tidy.RATCHET: ratchet},
                          "more than 80")

    def test_tighten_lowers_and_drops_but_never_raises(self):
        ratchet = {"files": {}, "functions": {"src/data/read.cc f": 90, "src/data/gone.cc g": 80}}
        _, _, kept = run({"src/data/read.cc": lines_of_function(75),
                          tidy.RATCHET: json.dumps(ratchet)}, "--tighten")
        self.assertEqual(kept["functions"], {"src/data/read.cc f": 75})
        status, _, kept = run({"src/data/read.cc": lines_of_function(95),
                               tidy.RATCHET: json.dumps(ratchet)}, "--tighten")
        self.assertEqual((status, kept["functions"]), (1, {"src/data/read.cc f": 90}))


class FunctionsTest(unittest.TestCase):
    def names(self, text):
        return [(f.name, f.lines) for f in functions(Source("a.cc", text))]

    def test_functions_are_found_in_namespaces_and_classes(self):
        text = ("namespace a {\nclass B : public C {\n public:\n  int get() const { return x_; }\n"
                "  B(int x)\n      : x_(x) {\n    g();\n  }\n};\n"
                "template <typename T>\nT twice(T t) {\n  return t;\n}\n}\n")
        self.assertEqual(self.names(text), [("get", 1), ("B", 4), ("twice", 4)])

    def test_tables_and_lambdas_are_not_functions(self):
        text = ("const Row kRows[] = {\n    {1, f(2)},\n};\nvoid g() {\n  auto h = [&](int x) {\n"
                "    return x;\n  };\n  for (int i = 0; i < 2; ++i) {\n  }\n}\n")
        self.assertEqual(self.names(text), [("g", 7)])

    def test_braces_in_strings_comments_and_macros_do_not_count(self):
        text = ("#define OPEN(x) \\\n  if (x) {\nvoid f() {\n  s = \"}}\";  // }\n"
                "  c = '}';\n  n = 1'000;\n}\nvoid g() {\n}\n")
        self.assertEqual(self.names(text), [("f", 5), ("g", 2)])


if __name__ == "__main__":
    unittest.main()
