"""The files that runs read (text, backbones, tracks, recipes), sent to the machines of a cluster once each."""

from __future__ import annotations

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
from srlbench.errors import SrlbenchError, UsageError
from srlbench.records.files import locked
from srlbench.runs.job import Job
from srlbench.tracks import protocol as protocols

PIECE = 64 * 2**20  # bytes that are held in memory at a time
HERE = "{parcel}"  # stands for the folder that a machine unpacks to
WEEK = 7 * 24 * 3600.0  # seconds
SCRATCH = "SRLBENCH_SCRATCH"
READ = ("*.json", "*.txt", "*.model", "*.safetensors")  # of a backbone
Put = Callable[[bytes], Any]
Get = Callable[[Any], bytes]
Pieces = Mapping[str, Sequence[Any]]  # a file's path -> the references to its pieces


@dataclass(frozen=True)
class Parcel:
    """Files as pieces in a store that every machine sees, and the environment that points at them."""

    digest: str
    pieces: Pieces
    sizes: Mapping[str, int]
    environment: Mapping[str, str]


def pack(jobs: Sequence[Job], put: Put) -> tuple[list[Job], Parcel]:
    """The jobs with paths below HERE, and the files at these paths."""
    files: dict[str, Path] = {}
    environment: dict[str, str] = {}
    names: dict[str, str] = {}
    for name, text in dict.fromkeys((job.track, job.data) for job in jobs):
        with mirror.using(text):
            names[name] = _track(tracks.load(name), files, environment)
    for name in dict.fromkeys(job.backbone for job in jobs):
        names[name] = _backbone(name, files, environment)
    recipes: dict[Path, Path] = {}
    for path in dict.fromkeys(path for job in jobs for path in job.recipe_files):
        relative = f"recipes/{len(recipes)}/{path.name}"
        files[relative], recipes[path] = path, Path(HERE, relative)
    remote = [
        replace(
            job,
            track=names[job.track],
            backbone=names[job.backbone],
            recipe_files=tuple(recipes[path] for path in job.recipe_files),
            data=None,  # as the environment of the machine says
        )
        for job in jobs
    ]
    digest = hashlib.sha256()
    for relative, path in sorted(files.items()):
        with path.open("rb") as file:
            digest.update(f"{relative} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    sizes = {relative: path.stat().st_size for relative, path in files.items()}
    parcel = Parcel(digest.hexdigest()[:16], upload(files, put), sizes, environment)
    return remote, parcel


def unpack(parcel: Parcel, get: Get) -> Path:
    """The folder of the packed files; the first run on a machine writes it, and the others wait."""
    folder = scratch() / "parcels" / parcel.digest
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        lacking = {
            relative: parcel.pieces[relative]
            for relative, size in parcel.sizes.items()
            if _size(folder / relative) != size
        }
        write_files(lacking, folder, get)
    return folder


def upload(files: Mapping[str, Path], put: Put) -> Pieces:
    """Put files into the store; return the references to their pieces."""
    return {relative: [put(piece) for piece in _read(path)] for relative, path in files.items()}


def write_files(pieces: Pieces, folder: Path, get: Get) -> None:
    """Write the files to a folder; each appears only when it is complete."""
    for relative, parts in pieces.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            for part in parts:
                file.write(get(part))
        os.replace(file.name, path)


def list_files(folder: Path, patterns: Sequence[str] = ("*",)) -> dict[str, Path]:
    """The files of a folder by their paths in it."""
    found = sorted({path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()})
    return {path.relative_to(folder).as_posix(): path for path in found}


def rewritten(job: Job, folder: Path) -> Job:
    """The job on a machine that unpacked to `folder`, working beside it."""
    k = job.key
    mine = hashlib.sha256(repr((k, str(job.work), job.observation, job.scored)).encode()).hexdigest()[:16]
    return replace(
        job,
        track=job.track.replace(HERE, str(folder)),
        backbone=job.backbone.replace(HERE, str(folder)),
        recipe_files=tuple(Path(str(path).replace(HERE, str(folder))) for path in job.recipe_files),
        work=scratch() / "work" / mine,
    )


def scratch() -> Path:
    """The user's folder on a machine for what runs read and write; nobody else's, because its code is executed."""
    folder = Path(os.environ.get(SCRATCH) or tempfile.gettempdir(), f"srlbench-{os.getuid()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise SrlbenchError(f"{folder} belongs to somebody else; set {SCRATCH} to a folder of your own.")
    return folder


def sweep(job: Job) -> None:
    """Remove the working folder of a finished run, and old ones of runs that were finished on other machines."""
    shutil.rmtree(job.work, ignore_errors=True)
    for left in job.work.parent.iterdir():
        if time.time() - left.stat().st_mtime > WEEK:
            shutil.rmtree(left, ignore_errors=True)


def _track(rules: tracks.Track, files: dict[str, Path], environment: dict[str, str]) -> str:
    """The track's name, or the path of its file on the machine."""
    for path in dict.fromkeys(data.fetch(rules)):
        root = f"data/{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        found = {path.name: path} if path.is_file() else list_files(path)
        files |= {f"{root}/{relative}": each for relative, each in found.items()}
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
    """The backbone's name, or the path of its folder on the machine; a revision of the Hub lies as in its cache."""
    found = backbones.resolve(name)
    if found.path is not None and found.path.parent == backbones.SHIPPED:
        return name
    folder = backbones.fetch(found)
    if found.file is not None:
        if not backbones.is_named(name):
            raise UsageError(f"A cluster cannot be given the backbone {name}; convert it to a folder and name that.")
        environment["SRLBENCH_CACHE"] = f"{HERE}/cache"
        files |= {f"cache/backbones/{found.sha256}/{file}": path for file, path in list_files(folder, READ).items()}
        return name
    if found.hub_id is None:
        root = f"backbones/{found.sha256[:8]}/{found.name}"
    else:
        root = f"hub/models--{found.hub_id.replace('/', '--')}/snapshots/{found.revision}"
        environment["HF_HUB_CACHE"] = f"{HERE}/hub"
    files |= {f"{root}/{relative}": path for relative, path in list_files(folder, READ).items()}
    return name if found.hub_id else f"{HERE}/{root}"


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
