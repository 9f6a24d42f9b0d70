"""Folders that are written whole or not at all, and never over anything that srlbench did not write."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from srlbench.errors import UsageError
from srlbench.records.files import store_errors


def check(folder: Path, mark: str, what: str) -> None:
    """Raise an error if a folder holds anything else than `what`, which has the file `mark` in it."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is not a folder.")
    with store_errors(f"Cannot read {folder}"):
        ours = not folder.exists() or (folder / mark).is_file() or not any(folder.iterdir())
    if not ours:
        raise UsageError(f"{folder} holds something else than {what}; name another folder with --out.")


def write(target: Path, files: Iterable[tuple[str, bytes]]) -> list[int]:
    """Write a folder in exchange for the one that is there; return the sizes of its files."""
    building, old = (target.with_name(f".{target.name}.{secrets.token_hex(4)}.{kind}") for kind in ("new", "old"))
    sizes = []
    try:
        with store_errors(f"Cannot write {target}"):
            building.mkdir(parents=True)
            for name, content in files:
                path = building / name
                path.parent.mkdir(parents=True, exist_ok=True)
                sizes.append(path.write_bytes(content))
            if target.exists():
                target.rename(old)
            try:
                building.rename(target)
            except OSError:
                if old.exists():
                    old.rename(target)
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return sizes
