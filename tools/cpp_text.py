"""C++ source as text, as far as tidy.py needs it: what is code and not comment or string, what is
included, and where functions begin and end. Not a parser: it goes by braces and by clang-format's
layout."""

import re
from collections import namedtuple

Function = namedtuple("Function", "name first_line lines")

# Longest first: raw strings, comments, strings, characters (not the ' of 1'000).
_TOKEN = re.compile(
    r'R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)"'
    r"|//[^\n]*|/\*.*?\*/"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)
_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def _blank(match):
    """Spaces of the same shape, so that lines and columns stay."""
    return re.sub(r"[^\n]", " ", match.group())


class Source:
    """One file: its lines, the same without comments and strings, and its includes."""

    def __init__(self, path, text):
        self.path = path
        self.lines = text.splitlines()
        self.code = _TOKEN.sub(_blank, text)
        self.code_lines = self.code.splitlines()
        self.includes = [(number, found.group(1)) for number, line in enumerate(self.lines, 1)
                         if (found := _INCLUDE.match(line))]


# What can stand before a brace that does not open a function.
_SCOPE = re.compile(r"^\s*(?:template\b.*)?(?:inline\s+)?"
                    r"(?:namespace|class|struct|union|enum|extern)\b", re.DOTALL)
_ACCESS = re.compile(r"\s*(?:public|protected|private)\s*:(?!:)")
_NAME = re.compile(r"(~?[\w:]+|operator\s*\S+?)\s*\($")


def _function_name(head):
    """The name when `head`, the text before a brace, is that of a function; else None."""
    head = head.strip()
    if not head or _SCOPE.match(head) and not re.search(r"\)\s*(?:const|noexcept|override|->|$)",
                                                        head):
        return None
    opening = head.find("(")
    if opening < 0 or "=" in head[:opening].replace("operator=", "").replace("==", ""):
        return None
    found = _NAME.search(head[:opening + 1])
    return found.group(1) if found else None


def functions(source):
    """The outermost functions of a file, from the first line of the head to the closing brace."""
    code = "\n".join("" if line.lstrip().startswith("#") else line for line in
                     _without_macros(source.code_lines))
    found, depth, head_start, open_function = [], 0, 0, None
    for match in re.finditer(r"[{};]", code):
        position, mark = match.start(), match.group()
        if mark == "{":
            if open_function is None:
                name = _function_name(code[head_start:position])
                if name is not None:
                    label = _ACCESS.match(code, head_start)
                    head_start = label.end() if label else head_start
                    text = code[head_start:position]
                    begin = head_start + len(text) - len(text.lstrip())
                    open_function = (name, code.count("\n", 0, begin) + 1, depth)
            depth += 1
        elif mark == "}":
            depth -= 1
            if open_function is not None and depth == open_function[2]:
                name, first, _ = open_function
                last = code.count("\n", 0, position) + 1
                found.append(Function(name, first, last - first + 1))
                open_function = None
        if mark != ";" or _parentheses_closed(code[head_start:position]):
            head_start = position + 1
    return found


def _parentheses_closed(text):
    return text.count("(") <= text.count(")")


def _without_macros(lines):
    """The lines with the continuation lines of a #define emptied."""
    continued = False
    for line in lines:
        macro = continued or line.lstrip().startswith("#")
        continued = macro and line.rstrip().endswith("\\")
        yield "" if macro else line
