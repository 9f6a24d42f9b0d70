"""A site's folder, written whole beside its place and then put there: never half of one, never over something else."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from srlbench.errors import UsageError
from srlbench.records.files import store_errors

MARK = ".srlbench-site"


def check(place: Path) -> None:
    """Refuse a place that holds anything but a site of ours."""
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise UsageError(f"{place} is not a folder.")
    with store_errors(f"Cannot read {place}"):
        ours = not place.exists() or (place / MARK).is_file() or not any(place.iterdir())
    if not ours:
        raise UsageError(f"{place} holds something else than a site of srlbench; name another folder with --to.")


def write(place: Path, files: Iterable[tuple[str, bytes]]) -> int:
    """Puts the site in its place, in exchange for the one there; how many bytes it has."""
    check(place)
    place = place.absolute()
    building, old = (place.with_name(f".{place.name}.{secrets.token_hex(4)}.{kind}") for kind in ("new", "old"))
    size = 0
    try:
        with store_errors(f"Cannot write {place}"):
            building.mkdir(parents=True)
            for name, content in files:
                path = building / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                size += len(content)
            (building / MARK).write_text("A site of srlbench publish, which may replace it.\n", encoding="utf-8")
            if place.exists():
                place.rename(old)
            try:
                building.rename(place)
            except OSError:
                if old.exists():
                    old.rename(place)
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return size
