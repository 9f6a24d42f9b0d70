"""Declared backbones: not shipped, pinned by a hash, and found by a small TOML file that says where to look."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from srlbench.errors import SrlbenchError, UsageError

FOLDER = Path(__file__).parent
WHERE = "SRLBENCH_BACKBONES"  # a folder with files of backbones


@dataclass(frozen=True)
class Declaration:
    """A backbone that lies elsewhere: its one file, the hash of it, and where to look for it."""

    name: str
    summary: str
    licence: str
    file: str
    sha256: str
    sources: tuple[Mapping[str, str], ...]
    settings: Mapping[str, Any]  # of every recipe on it: layers, attention, pool


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read(path: Path) -> Declaration:
    """The declaration in a file; every key but the settings is required."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        found = Declaration(name=path.stem, sources=tuple(raw.pop("sources")), settings=raw.pop("settings", {}), **raw)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path} is not a complete declaration of a backbone: {error}.") from error
    unknown = {key for source in found.sources for key in source} - {"package", "hub", "revision", "folder"}
    if unknown:
        raise UsageError(f"{path}: a source is a package, a hub repository or a folder, not '{min(unknown)}'.")
    return found


def find(backbone: Declaration) -> Path:
    """The verified file of a backbone, from the first source that has it."""
    tried: list[str] = []
    for place, path in _places(backbone, tried):
        if not path.is_file():
            tried.append(place)
        elif sha256(path) == backbone.sha256:
            return path
        else:
            tried.append(f"{place} (its sha256 is another)")
    packages = [f"pip install {source['package']}" for source in backbone.sources if "package" in source]
    advice = f"; `{packages[0]}` brings it" if packages else ""
    raise SrlbenchError(
        f"The backbone '{backbone.name}' was not found{advice} ({backbone.licence}). Looked at: {'; '.join(tried)}."
    )


def _places(backbone: Declaration, tried: list[str]) -> Iterator[tuple[str, Path]]:
    """Where the file may lie, as people say it and as a path; a source that gives nothing goes to `tried`."""
    if folder := os.environ.get(WHERE):
        yield folder, Path(os.path.expanduser(folder)) / backbone.file
    for source in backbone.sources:
        if "folder" in source:
            yield source["folder"], Path(os.path.expanduser(source["folder"])) / backbone.file
        elif "package" in source:
            package = source["package"]
            module = package.partition("==")[0].replace("-", "_")
            if find_spec(module) is None:
                tried.append(f"the package {package}, which is not installed")
                continue
            path = kept(backbone.sha256).with_suffix(".gguf")
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_file():
                part = path.with_suffix(f".{os.getpid()}")
                import_module(module).assemble(part, overwrite=True)
                os.replace(part, path)
            yield f"the package {package}", path
        else:
            from huggingface_hub import hf_hub_download

            try:
                path = Path(hf_hub_download(source["hub"], backbone.file, revision=source.get("revision")))
            except (OSError, ValueError) as error:  # the Hub's own errors are subclasses of these
                tried.append(f"{source['hub']} on the Hub ({type(error).__name__})")
                continue
            yield source["hub"], path


def kept(sha256: str) -> Path:
    """The folder of the cache that a converted file of this hash goes to."""
    cache = os.environ.get("SRLBENCH_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "srlbench")
    return Path(os.path.expanduser(cache)) / "backbones" / sha256


def sha256(path: Path) -> str:
    """The hash of a file, computed once while it does not change."""
    return _sha256(path, path.stat().st_mtime_ns, path.stat().st_size)


@cache
def _sha256(path: Path, changed: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
