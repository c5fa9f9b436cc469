# SPDX-License-Identifier: GPL-2.0-only
"""What the checkers know of C in kernel style: comments and function definitions.

A function's brace stands alone in column 0 and so does the one that ends it, which
checkpatch enforces; no parser is needed.
"""

import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

_FUNCTION = re.compile(
    r"^(?P<head>[A-Za-z_][^;{}=#()]*?)\b(?P<name>\w+)\s*\((?P<args>[^;{}]*?)\)"
    r"(?P<tail>(?:\s*__\w+(?:\([^()]*\))?)*)\s*?\n\{\n(?P<body>.*?)^\}", re.M | re.S)


class Function:
    """A function definition; body_lines: lines between its braces."""

    def __init__(self, match, text):
        self.name = match.group("name")
        self.is_static = bool(re.search(r"\bstatic\b", match.group("head")))
        self.is_inline = bool(re.search(r"\b(__always_)?inline\b", match.group("head")))
        self.line = text.count("\n", 0, match.start()) + 1
        self.body_lines = match.group("body").count("\n")


def strip(text):
    """The text with comments and the contents of strings blanked, lines kept."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)
    return _TOKEN.sub(blank, text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def functions(text):
    """The functions of a stripped text."""
    return [Function(match, text) for match in _FUNCTION.finditer(text)]


def files(*folders, suffixes=(".c", ".h")):
    """Sources below folders of the tree, as sorted paths relative to it."""
    found = []
    for folder in folders:
        for path, _, names in os.walk(folder):
            found += [os.path.join(path, name) for name in names
                      if name.endswith(suffixes) and not name.endswith(".mod.c")]
    return sorted(found)


def enter():
    """Work in the tree given as the only argument, or in this checkout."""
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else TOP)


def finish(complaints):
    """Print the complaints and end; silent when there are none."""
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)
