"""MTEB's own similarity sets, with their original text, from a local folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from srlbench.data.lines import MAX_BYTES, MAX_LINE, Lines
from srlbench.data.rows import COLUMNS, Rows, digest
from srlbench.errors import SrlbenchError, UsageError, unknown

# The possible folder names of a set, in any case: its name, a short name, that of its repository mteb/... .
_FOLDERS = {
    **{f"STS{year}": (f"sts{year}", f"sts{year}-sts") for year in (12, 13, 14, 15, 16)},
    "STSBenchmark": ("stsbenchmark", "stsbenchmark-sts", "stsb"),
    "SICK-R": ("sick-r", "sickr-sts", "sick"),
}
NAMES: tuple[str, ...] = tuple(_FOLDERS)
_FORMS = ("tsv.gz", "tsv", "jsonl.gz", "jsonl", "parquet")
_SICK = {"train": "train", "dev": "trial", "test": "test"}

Row = tuple[str, str, float, str]


def task(name: str, root: Path) -> Rows:
    """One set below `root`: its test split, and for STSBenchmark also the dev split."""
    folder = _folder(name, root)
    splits = {"test": list(_split(name, folder, "test"))}
    if name == "STSBenchmark":
        splits = {"dev": list(_split(name, folder, "dev")), **splits}
    elif name == "SICK-R" and any(_files(folder, split) for split in ("train", "dev")):
        # SemEval's version has three files; the Hub's version already has all of them in one.
        parts = [(part, list(_split(name, folder, split))) for split, part in _SICK.items()]
        splits = {"test": [(*row[:3], part) for part, rows in parts for row in rows]}
    return Rows.of(name, "sts", splits)


def present(root: Path) -> bool:
    """Whether any of the sets is below `root`."""
    return any(_find(name, root) for name in NAMES)


def sha256(rows: Rows) -> str:
    """The hash of the pairs and scores, which does not depend on their order: the Hub has another order."""
    return _hash(rows, lambda text: " ".join(text.split()))


def letters_sha256(rows: Rows) -> str:
    """The hash of letters and digits alone, which is the same for every casing and tokenisation of these sets."""
    return _hash(rows, lambda text: "".join(filter(str.isalnum, text.casefold())))


def _hash(rows: Rows, tidy: Callable[[str], str]) -> str:
    lines: list[list[Any]] = []
    for split, columns in sorted(rows.splits.items()):
        pairs = zip(columns["sentence1"], columns["sentence2"], columns["score"], strict=True)
        # Six decimals: a score may have been stored with single precision.
        lines += ([split, *row] for row in sorted((tidy(a), tidy(b), round(float(score), 6)) for a, b, score in pairs))
    return digest(lines, f"{rows.name}\n{rows.kind}\n")


def _folder(name: str, root: Path) -> Path:
    if name not in _FOLDERS:
        raise unknown("set of MTEB", name, NAMES)
    if folder := _find(name, root):
        return folder
    raise UsageError(
        f"{name}: found no original text below {root}; expected a folder {' or '.join(_FOLDERS[name])} "
        f"with test.{', test.'.join(_FORMS[:-1])} or test*.parquet."
    )


def _find(name: str, root: Path) -> Path | None:
    """The folder of a set, or None."""
    try:
        for parent in (root, root / "raw", root / "mteb"):
            paths = {path.name.lower(): path for path in parent.iterdir()} if parent.is_dir() else {}
            for folder in _FOLDERS[name]:
                if folder in paths and _files(paths[folder], "test"):
                    return paths[folder]
    except OSError as error:
        raise SrlbenchError(f"{name}: {root}: cannot be read: {error}.") from error
    return None


def _files(folder: Path, split: str) -> list[Path]:
    """The files of one split in the first format that exists; only parquet may have several."""
    names = ("dev", "validation") if split == "dev" else (split,)
    for parent in (folder, folder / "data"):
        for form in _FORMS:
            pattern = "{}*.parquet" if form == "parquet" else f"{{}}.{form}"
            matches = [sorted(parent.glob(pattern.format(name))) for name in names]
            if files := next(filter(None, matches), []):
                return files
    return []


def _split(name: str, folder: Path, split: str) -> Iterator[Row]:
    files = _files(folder, split)
    if not files:
        raise SrlbenchError(f"{name}: {folder}: expected a file of its {split} split, found none.")
    for path in files:
        file = Lines(name, path)
        records = _parquet if path.suffix == ".parquet" else _jsonl if ".jsonl" in path.name else _tsv
        for number, record in records(file):
            yield _row(file, number, record)


def _row(file: Lines, number: int, record: Mapping[str, Any]) -> Row:
    score, texts = record.get("score"), []
    for key in ("sentence1", "sentence2"):
        text = record.get(key)
        if not isinstance(text, str) or "\0" in text or len(text) > MAX_LINE or not _encodes(text):
            raise file.refuse(f"expected text as {key}", number)
        texts.append(text)
    if isinstance(score, str):
        value = file.score(score, number, _low(file))
    elif isinstance(score, int | float) and not isinstance(score, bool):
        value = float(file.in_range(score, number, _low(file), score)) + 0.0  # no -0.0
    else:
        raise file.refuse("expected a number as score", number)
    source = record.get("source", "")
    return texts[0], texts[1], value, source if isinstance(source, str) and _encodes(source) else ""


def _low(file: Lines) -> float:
    return 1.0 if file.name == "SICK-R" else 0.0


def _encodes(text: str) -> bool:
    """Whether UTF-8 can encode the text; it cannot encode half a surrogate pair, which JSON may contain."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _tsv(file: Lines) -> Iterator[tuple[int, Mapping[str, Any]]]:
    header = (file.read() or [""])[0].split("\t")
    if not {"sentence1", "sentence2", "score"} <= set(header) or len(set(header)) < len(header):
        raise file.refuse("expected a header with sentence1, sentence2 and score", 1)
    for number, cells in file.table(len(header), tuple(header)):
        yield number, dict(zip(header, cells, strict=True))


def _jsonl(file: Lines) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(file.read(), 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise file.refuse("expected one JSON object", number) from error
        if not isinstance(record, dict):
            raise file.refuse("expected one JSON object", number)
        yield number, record


def _parquet(file: Lines) -> Iterator[tuple[int, Mapping[str, Any]]]:
    import pyarrow.parquet as parquet  # type: ignore[import-untyped]

    try:
        with parquet.ParquetFile(file.path) as table:
            groups = range(table.metadata.num_row_groups)
            if sum(table.metadata.row_group(i).total_byte_size for i in groups) > MAX_BYTES:
                raise file.refuse(f"expected at most {MAX_BYTES // 2**20} MiB, found more")
            wanted = [key for key in COLUMNS["sts"][:3] if key in table.schema_arrow.names]
            rows = table.read(columns=wanted).to_pylist()
    except SrlbenchError:
        raise
    except Exception as error:  # pyarrow raises many errors for a broken file, among them plain OSErrors
        raise file.refuse(f"expected a parquet file, found none that can be read ({type(error).__name__})") from error
    yield from enumerate(rows, 1)
