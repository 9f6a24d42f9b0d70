"""The lines of one data file, with their numbers, so that an error message can name the line."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from srlbench.errors import SrlbenchError

MAX_BYTES = 256 * 2**20
MAX_LINE = 100_000
_BOM = b"\xef\xbb\xbf"
# float() would also accept nan, inf, 1_0 and the digits of every script.
_DECIMAL = re.compile(r"[0-9]{1,400}(\.[0-9]*)?")


@dataclass(frozen=True)
class Lines:
    """A text file of the set `name`, plain or gzipped."""

    name: str
    path: Path

    def refuse(self, what: str, line: int | None = None) -> SrlbenchError:
        where = f"{self.path}" if line is None else f"{self.path}, line {line}"
        return SrlbenchError(f"{self.name}: {where}: {what}.")

    def read(self, encoding: str = "utf-8") -> list[str]:
        """The lines, split at \\n alone and without a \\r before it: str.splitlines has eight more line ends."""
        content = self._bytes().removeprefix(_BOM if encoding == "utf-8" else b"")
        if (at := content.find(b"\0")) >= 0:
            raise self.refuse("expected text, found a NUL byte", content.count(b"\n", 0, at) + 1)
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise self.refuse(f"expected {encoding}, found bytes that are not", line) from error
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        for number, line_text in enumerate(lines, 1):
            if len(line_text) > MAX_LINE:
                raise self.refuse(f"expected at most {MAX_LINE} characters, found {len(line_text)}", number)
        return [line.removesuffix("\r") for line in lines]

    def table(self, columns: int, header: tuple[str, ...] = ()) -> Iterator[tuple[int, list[str]]]:
        """The number and the cells of each line after the header, if there is one."""
        lines = self.read()
        if header and (not lines or tuple(lines[0].split("\t")) != header):
            raise self.refuse(f"expected the header {' '.join(header)}", 1)
        for number, line in list(enumerate(lines, 1))[bool(header) :]:
            cells = line.split("\t")
            if len(cells) != columns:
                raise self.refuse(f"expected {columns} columns, found {len(cells)}", number)
            yield number, cells

    def score(self, text: str, line: int, low: float = 0.0) -> float:
        value = float(text) if _DECIMAL.fullmatch(text) else -1.0
        return self.in_range(value, line, low, text)

    def in_range(self, value: float, line: int, low: float, written: object) -> float:
        if not low <= value <= 5.0:
            raise self.refuse(f"expected a score from {low:g} to 5, found {str(written)[:40]!r}", line)
        return value

    def label(self, text: str, line: int, known: tuple[str, ...] = ("0", "1")) -> int:
        """The index of the label among the known labels."""
        if text not in known:
            raise self.refuse(f"expected a label of {', '.join(known)}, found {text[:40]!r}", line)
        return known.index(text)

    def _bytes(self) -> bytes:
        try:
            if not self.path.is_file():  # a folder, or a pipe, which would block
                raise self.refuse("expected a file, found none" if not self.path.exists() else "expected a file")
            with gzip.open(self.path) if self.path.suffix == ".gz" else self.path.open("rb") as file:
                content: bytes = file.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise self.refuse(f"cannot be read: {str(error).strip() or type(error).__name__}") from error
        if len(content) > MAX_BYTES:
            raise self.refuse(f"expected at most {MAX_BYTES // 2**20} MiB, found more")
        return content
