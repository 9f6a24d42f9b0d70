"""Escaping of foreign text in Markdown, LaTeX, CSV, terminals, files: it is shown there and never works as anything."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

# Characters that begin markup, a GitHub formula or another cell. An underscore does so only at the edge of a word, and
# "<" only before the beginning of a tag.
_SPECIAL = re.compile(r"[\\&>|`*\[~$]|<(?![\d\s])|(?<![^\W_])_|_(?![^\W_])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SPAN = re.compile(r"(`[^`]+`)")


def escaped(text: str) -> str:
    """The text on one line, escaped for a Markdown table cell: every character stands for itself."""
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), text)


def sentence(text: str) -> str:
    """The text on one line, escaped, except that text between backquotes stays code."""
    parts = _SPAN.split(" ".join(text.split()))
    return "".join(part.replace("|", "\\|") if place % 2 else _escaped(part) for place, part in enumerate(parts))


def spans(text: str) -> Iterator[tuple[str, bool]]:
    """The parts of a sentence, and whether each is code; code is without its backquotes."""
    for place, part in enumerate(_SPAN.split(text)):
        if part:
            yield (part.strip("`") if place % 2 else part), bool(place % 2)


def code(text: str) -> str:
    """The text on one line, marked as code; it may contain backquotes."""
    line = " ".join(text.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


# --- terminals, CI systems and files ------------------------------------------------------------------

# Control characters but tab and newline, separators of lines, marks that turn the direction of text, half surrogates;
# and what runners of CI systems take for a command: "##[" anywhere, "::" at the beginning of a line.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]|(?<=##)\\["
)
_COMMAND = re.compile("^:(?=:)")


def printable(text: str) -> str:
    """The text with every character that is obeyed somewhere, or that no file can hold, shown by its number."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def line(text: str) -> str:
    """The text on one line that neither a terminal nor a CI system takes for a command."""
    return _COMMAND.sub(r":\\", printable(" ".join(text.split())))


def utf8(text: str) -> bytes:
    """The text in UTF-8; what UTF-8 cannot say is shown by its number, which JSON reads as it was."""
    return text.encode("utf-8", "backslashreplace")


# --- LaTeX -----------------------------------------------------------------------------------------

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}", "'": r"\textquotesingle{}",
    "[": "{[}", "]": "{]}", "*": "{*}",  # after the end of a row they would be arguments
    "±": r"$\pm$", "†": r"$^{\dagger}$", "²": "$^{2}$", "–": "--", "−": "$-$", "…": r"\dots{}",
}  # fmt: skip
_LATEX_SPECIAL = re.compile("|".join(["-(?=-)", *map(re.escape, _LATEX)]))


def latex(text: str) -> str:
    """One line that LaTeX sets as it is written, wherever in a cell it stands."""
    return _LATEX_SPECIAL.sub(lambda found: _LATEX.get(found[0], "-{}"), " ".join(text.split()))


# --- CSV: a spreadsheet must not read a text as a formula --------------------------------------------


def csv_text(lines: Iterable[Sequence[object]]) -> str:
    """The lines as CSV: numbers unchanged, None as an empty cell, texts made safe by `cell`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([cell(value) if isinstance(value, str) else value for value in line] for line in lines)
    return out.getvalue()


def cell(text: str) -> str:
    """The text with an apostrophe before a formula (OWASP's rule) and no carriage return, which would end the row."""
    formula = text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) and not _number(text)
    return ("'" if formula else "") + text.replace("\r", " ")


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
