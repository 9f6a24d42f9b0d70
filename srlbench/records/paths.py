"""The layout of a results folder: the paths of records, predictions and everything else."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, unquote

from srlbench.records.record import Key, Record

RUNS, REFERENCES = "records", "references"  # what was trained here, and encoders that were trained elsewhere
_FILE = re.compile(r"seed-(\d+)(\.failed)?\.json")


def record_path(results: Path, key: Key, *, failed: bool = False, kind: str = RUNS) -> Path:
    """The file of a record: of a run, or of a reference."""
    return folder_of(results, kind, key) / f"seed-{key.seed}{'.failed' if failed else ''}.json"


def predictions_path(results: Path, key: Key) -> Path:
    """The file of a run's per-item predictions."""
    return folder_of(results, "predictions", key) / f"seed-{key.seed}.npz"


def home(path: Path, record: Record) -> Path | None:
    """The results folder that contains a record's file; None if the path is not that of the record in one."""
    relative = record_path(Path(), record.key, failed=record.status == "failed")
    whole = path.resolve()
    above = whole.parents[len(relative.parts) - 1] if len(whole.parents) >= len(relative.parts) else None
    return above if above is not None and above / relative == whole else None


def published_results() -> Path:
    """The results folder of the published records, which may not exist."""
    package = Path(__file__).parents[1]
    roots = [package.parent / "results", package / "published"]
    return next((path for path in roots if path.is_dir()), roots[0])


def track_folder(results: Path, track: str, version: int) -> Path:
    """The folder of one version of a track."""
    return results / _name(track) / f"v{version}"


def folder_of(results: Path, kind: str, key: Key) -> Path:
    names = (_name(key.recipe), _name(key.backbone), key.fingerprint)
    return track_folder(results, key.track, key.version).joinpath(kind, *names)


def run_folder(results: Path, kind: str, key: Key) -> Path:
    """The folder of a run of another kind (work, encoders), in the same layout as the records."""
    return folder_of(results, kind, key) / f"seed-{key.seed}"


def _name(name: str) -> str:
    """The folder name of a recipe or backbone; `org/model` must not become two folders."""
    return quote(name, safe="@+= ")


def key_of(path: Path, track: str, version: int) -> Key | None:
    """The key of a run, from the path of its record; None if the path is not that of a record."""
    match = _FILE.fullmatch(path.name)
    if not match or len(path.parts) != 4:
        return None
    recipe, backbone, fingerprint = path.parts[:3]
    return Key(track, version, unquote(recipe), unquote(backbone), fingerprint, int(match[1]))


def encoders(results: Path) -> list[tuple[Key, Path]]:
    """The runs of all tracks whose encoders are in a results folder, and the folder of each encoder."""
    folders = [file.parent for file in sorted(results.glob("*/v*/encoders/*/*/*/seed-*/modules.json"))]
    return [(key, path) for path in folders if (key := _key_in(results, path.with_name(f"{path.name}.json")))]


def recorded(results: Path) -> list[Key]:
    """The runs of all tracks that have a record file in a results folder; the files are not read."""
    files = sorted(results.glob("*/v*/records/*/*/*/seed-*.json"))
    return [key for path in files if (key := _key_in(results, path))]


def _key_in(results: Path, path: Path) -> Key | None:
    track, version, _, *rest = path.relative_to(results).parts
    return key_of(Path(*rest), unquote(track), int(version[1:])) if version[1:].isdecimal() else None
