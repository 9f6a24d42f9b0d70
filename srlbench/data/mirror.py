"""The real evaluation text: in a folder of the user, or in a pinned archive on the Hub."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from srlbench.data.archive import unpack
from srlbench.errors import SrlbenchError, UsageError

REPOSITORY = "princeton-nlp/datasets-for-simcse"
REVISION = "e145e8bb659b2aa2669f32ef79cb4cdef6c58fef"
HUB = f"{REPOSITORY}@{REVISION[:7]}"
ARCHIVE = "senteval.tar"
VARIABLE = "SRLBENCH_DATA"

# A folder is SentEval's `data/downstream` if it has two of these; a user may not have them all.
_MARKS = (
    "STS/STS12-en-test/STS.input.MSRpar.txt",
    "STS/STSBenchmark/sts-test.csv",
    "SICK/SICK_test_annotated.txt",
    "MR/rt-polarity.pos",
    "CR/custrev.pos",
    "SST/binary/sentiment-test",
    "TREC/train_5500.label",
    "MRPC/msr_paraphrase_test.txt",
)
_DEPTH, _FOLDERS = 4, 2000
_SHA256 = re.compile(r"[0-9a-f]{64}")


_chosen: ContextVar[Path | None] = ContextVar("_chosen", default=None)


def given(path: Path | None = None) -> Path | None:
    """The path that the user named: in the call, with `use` or `using`, or in the environment; None for the Hub."""
    named = path or _chosen.get()
    text = str(named) if named is not None else os.environ.get(VARIABLE)
    return Path(os.path.expanduser(text)) if text else None


def use(folder: Path | None) -> None:
    """Read the text from this place from now on; None: as the environment says, or from the Hub."""
    _chosen.set(folder)


@contextmanager
def using(folder: Path | None) -> Iterator[None]:
    """Read the text from this place inside of the context; None changes nothing."""
    before = _chosen.set(_chosen.get() if folder is None else folder)
    try:
        yield
    finally:
        _chosen.reset(before)


def senteval(path: Path | None = None) -> Path:
    """SentEval's root at the path that the user named, else from the Hub or its cache."""
    path = given(path)
    if path is None:
        return pull()
    if root := tree(path):
        return root
    # Unlike Path.is_file, os.path.isfile raises no error for a folder that may not be read.
    if archive := path if os.path.isfile(path) else _below(path, ARCHIVE):
        return _unpacked(archive, _digest(archive)[:12])
    fault = "There is no SentEval data" if os.path.exists(path) else "There is no folder or archive"
    raise UsageError(
        f"{fault} at {path}: looked for SentEval's tree (STS/, SICK/, MR/, TREC/ …) or {ARCHIVE}, "
        f"there and up to {_DEPTH} folders below."
    )


def file(name: str, path: Path | None = None) -> Path:
    """A file of the repository at the path that the user named, else from the Hub or its cache."""
    path = given(path)
    if path is None:
        return _download(name)
    if found := _below(path, name):
        return found
    raise UsageError(f"There is no {name} at {path}: looked for it there and up to {_DEPTH} folders below.")


def pull(anew: bool = False) -> Path:
    """The root of the Hub's archive, downloaded and unpacked unless it has been; unpacked in any case if `anew`."""
    if not anew and (root := tree(_target(REVISION[:12]))):
        return root
    archive = _download(ARCHIVE)
    try:
        stored = archive.resolve()  # the Hub's cache names a large file by its content
        if _SHA256.fullmatch(stored.name) and _digest(stored) != stored.name:
            raise SrlbenchError(f"The download {archive} is damaged: its content is not what the Hub announced.")
        return _unpacked(archive, REVISION[:12], anew)
    except SrlbenchError as error:
        if not isinstance(error.__cause__, OSError):  # not the disk's fault
            for path in {archive, archive.resolve()}:  # else the Hub's cache would give it again
                path.unlink(missing_ok=True)
        raise


def _target(identity: str) -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HOME) / "srlbench" / f"senteval-{identity}"


def _unpacked(archive: Path, identity: str, anew: bool = False) -> Path:
    """The root in the archive; an earlier tree goes only when the new one is whole."""
    target = _target(identity)
    there = target.exists()
    if not anew and (root := tree(target)):
        return root
    unpack(archive, target, _must_be_senteval, replace=there)
    if root := tree(target):
        return root
    raise SrlbenchError(f"Cannot unpack {archive} to {target}: another process is writing there.")


def _must_be_senteval(folder: Path) -> None:
    if tree(folder) is None:
        raise UsageError("it holds no SentEval tree (STS/, SICK/, MR/, TREC/ …)")


def tree(root: Path) -> Path | None:
    """SentEval's root in a folder or below it; None if there is none."""
    roots = (folder for folder in _folders(root) if sum(os.path.isfile(folder / mark) for mark in _MARKS) >= 2)
    return next(roots, None)


def _below(root: Path, name: str) -> Path | None:
    return next((folder / name for folder in _folders(root) if os.path.isfile(folder / name)), None)


def _folders(root: Path) -> Iterator[Path]:
    """The folder and those below it, the nearest first; a limited number, whatever the folder is."""
    level = [root] if os.path.isdir(root) else []
    seen = 0
    for _ in range(_DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            yield folder
            seen += 1
            if seen >= _FOLDERS:
                return
            try:
                below += sorted(path for path in folder.iterdir() if path.is_dir())
            except OSError:  # one that may not be read
                continue
        level = below


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SrlbenchError(f"Cannot read {path}: {error}.") from error


def _download(name: str) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(REPOSITORY, name, repo_type="dataset", revision=REVISION))
    except Exception as error:  # the HTTP client's own errors have no common kind with the Hub's
        pull = "run `srlbench data pull`" if name == ARCHIVE else "run `srlbench data pull --track TRACK`"
        raise SrlbenchError(
            f"Cannot fetch {name} of {HUB}: {_reason(error)}; {pull} on a machine "
            f"with network, or say where the data lies with --data DIR or {VARIABLE}."
        ) from error


def _reason(error: BaseException) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import FileMetadataError, HfHubHTTPError, LocalEntryNotFoundError, RevisionNotFoundError

    first = error  # what the Hub library's own error may only wrap
    while first.__cause__ is not None and not isinstance(first, HfHubHTTPError | FileMetadataError):
        first = first.__cause__
    if isinstance(first, RevisionNotFoundError):
        return "the Hub has no such revision"
    if isinstance(first, HfHubHTTPError):
        return f"the Hub answered {first.response.status_code}"
    if isinstance(first, FileMetadataError):
        return f"{constants.ENDPOINT} does not answer as the Hub does"
    if constants.HF_HUB_OFFLINE:
        return "the Hub is switched off (HF_HUB_OFFLINE) and the file is not in its cache"
    if isinstance(error, LocalEntryNotFoundError):
        return f"no connection to {constants.ENDPOINT}"
    return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
