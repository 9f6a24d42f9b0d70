"""What runs read of the driver's files, made to travel: text, backbones, tracks and recipes, each once a machine."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from srlbench import backbones, data, tracks
from srlbench.data import mirror
from srlbench.data.mirror import VARIABLE
from srlbench.errors import SrlbenchError
from srlbench.runs.job import Job
from srlbench.tracks import protocol as protocols

PIECE = 64 * 2**20  # bytes that are held in memory at a time
HERE = "{parcel}"  # stands for the folder that a machine unpacks to
WEEK = 7 * 24 * 3600.0  # seconds
SCRATCH = "SRLBENCH_SCRATCH"
READ = ("*.json", "*.txt", "*.model", "*.safetensors")  # of a backbone
Put = Callable[[bytes], Any]
Get = Callable[[Any], bytes]
Pieces = Mapping[str, Sequence[Any]]  # a file's place -> what stands for its pieces


@dataclass(frozen=True)
class Parcel:
    """Files as pieces in a store that every machine sees, and the environment that points at them."""

    digest: str
    pieces: Pieces
    sizes: Mapping[str, int]
    environment: Mapping[str, str]


def pack(jobs: Sequence[Job], put: Put) -> tuple[list[Job], Parcel]:
    """The jobs in terms of HERE, and what they read there."""
    files: dict[str, Path] = {}
    environment: dict[str, str] = {}
    told: dict[str, str] = {}
    for name, text in dict.fromkeys((job.track, job.data) for job in jobs):
        with mirror.using(text):
            told[name] = _track(tracks.load(name), files, environment)
    for name in dict.fromkeys(job.backbone for job in jobs):
        told[name] = _backbone(name, files, environment)
    recipes: dict[Path, Path] = {}
    for path in dict.fromkeys(path for job in jobs for path in job.recipe_files):
        place = f"recipes/{len(recipes)}/{path.name}"
        files[place], recipes[path] = path, Path(HERE, place)
    there = [
        replace(
            job,
            track=told[job.track],
            backbone=told[job.backbone],
            recipe_files=tuple(recipes[path] for path in job.recipe_files),
            data=None,  # as the environment says there
        )
        for job in jobs
    ]
    digest = hashlib.sha256()
    for place, path in sorted(files.items()):
        with path.open("rb") as file:
            digest.update(f"{place} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    sizes = {place: path.stat().st_size for place, path in files.items()}
    parcel = Parcel(digest.hexdigest()[:16], upload(files, put), sizes, environment)
    return there, parcel


def unpack(parcel: Parcel, get: Get) -> Path:
    """The folder with everything that was packed; whoever comes first on a machine fills it, the others wait."""
    folder = scratch() / "parcels" / parcel.digest
    folder.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lacking = {place: parcel.pieces[place] for place, size in parcel.sizes.items() if _size(folder / place) != size}
        write_files(lacking, folder, get)
    return folder


def upload(files: Mapping[str, Path], put: Put) -> Pieces:
    """What stands for each file's pieces."""
    return {place: [put(piece) for piece in _read(path)] for place, path in files.items()}


def write_files(pieces: Pieces, folder: Path, get: Get) -> None:
    """The files in a folder, each there only when it is whole."""
    for place, parts in pieces.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            for part in parts:
                file.write(get(part))
        os.replace(file.name, path)


def list_files(folder: Path, patterns: Sequence[str] = ("*",)) -> dict[str, Path]:
    """The files of a folder by their place in it."""
    found = sorted({path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()})
    return {path.relative_to(folder).as_posix(): path for path in found}


def rewritten(job: Job, folder: Path) -> Job:
    """The job on a machine that unpacked to `folder`, working beside it."""
    k = job.key
    mine = hashlib.sha256(repr((k, str(job.work), job.look, job.scored)).encode()).hexdigest()[:16]
    return replace(
        job,
        track=job.track.replace(HERE, str(folder)),
        backbone=job.backbone.replace(HERE, str(folder)),
        recipe_files=tuple(Path(str(path).replace(HERE, str(folder))) for path in job.recipe_files),
        work=scratch() / "work" / mine,
    )


def scratch() -> Path:
    """Where a machine keeps what runs read and write: one's own, since what lies there is executed."""
    folder = Path(os.environ.get(SCRATCH) or tempfile.gettempdir(), f"srlbench-{os.getuid()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise SrlbenchError(f"{folder} belongs to somebody else; set {SCRATCH} to a folder of your own.")
    return folder


def sweep(job: Job) -> None:
    """Removes what a finished run worked with, and what runs left that went on elsewhere."""
    shutil.rmtree(job.work, ignore_errors=True)
    for left in job.work.parent.iterdir():
        if time.time() - left.stat().st_mtime > WEEK:
            shutil.rmtree(left, ignore_errors=True)


def _track(rules: tracks.Track, files: dict[str, Path], environment: dict[str, str]) -> str:
    """The track's name, or the place of its file."""
    for path in dict.fromkeys(data.fetch(rules)):
        root = f"data/{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        found = {path.name: path} if path.is_file() else list_files(path)
        files |= {f"{root}/{place}": each for place, each in found.items()}
        environment[VARIABLE] = f"{HERE}/data"
    if rules.path.parent == tracks.FOLDER:
        return rules.name
    path, own = rules.path, [rules.path, rules.path.with_name(tracks.CHOSEN.format(rules.path.stem))]
    if rules.protocol.path.parent != protocols.FOLDER:
        own.append(rules.protocol.path)
    around = Path(os.path.commonpath([each.parent for each in own]))  # a track names its protocol by a relative path
    root = f"tracks/{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    files |= {f"{root}/{each.relative_to(around).as_posix()}": each for each in own if each.is_file()}
    return f"{HERE}/{root}/{path.relative_to(around).as_posix()}"


def _backbone(name: str, files: dict[str, Path], environment: dict[str, str]) -> str:
    """The backbone's name, or the place of its folder; a revision of the Hub lies as in the Hub's own cache."""
    found = backbones.resolve(name)
    if found.path is not None and found.path.parent == backbones.SHIPPED:
        return name
    folder = backbones.fetch(found)
    if found.hub_id is None:
        root = f"backbones/{found.sha256[:8]}/{found.name}"
    else:
        root = f"hub/models--{found.hub_id.replace('/', '--')}/snapshots/{found.revision}"
        environment["HF_HUB_CACHE"] = f"{HERE}/hub"
    files |= {f"{root}/{place}": path for place, path in list_files(folder, READ).items()}
    return name if found.hub_id else f"{HERE}/{root}"


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
