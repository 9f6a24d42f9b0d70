"""Atomic writes of files, and errors of the operating system as one sentence each."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from srlbench.errors import StoreError
from srlbench.escape import utf8

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.EEXIST: "a file stands where a folder is needed",
    errno.EISDIR: "a folder stands where a file is needed",
    errno.ENAMETOOLONG: "the name is too long",
}


def write_text(path: Path, text: str) -> None:
    """Write a file completely or not at all."""
    write_bytes(path, utf8(text))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file completely or not at all: its content is on disk before its name appears."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with store_errors(f"Cannot write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    with suppress(OSError):  # some network file systems cannot sync a folder, but the file itself is safe
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    _sweep(path)


def _sweep(path: Path) -> None:
    """Remove the temporary files of killed writers of the same file; no write takes as long as an hour."""
    with suppress(OSError):
        for temporary in path.parent.glob(f".{path.name}.*.tmp"):
            if time.time() - temporary.stat().st_mtime > 3600:
                temporary.unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold the lock of a file, and give its descriptor. A file that was removed meanwhile is no lock: try anew."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_at(lock.fileno(), path):
                yield lock.fileno()
                return


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def read_bytes(path: Path) -> bytes:
    with store_errors(f"Cannot read {path}"):
        return path.read_bytes()


@contextmanager
def store_errors(problem: str) -> Iterator[None]:
    """Raise an OSError inside as a StoreError: the problem, and the reason in one sentence."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{problem}: {reason_of(error)}.") from error


def reason_of(error: OSError) -> str:
    return _REASONS.get(error.errno or 0, error.strerror or str(error))
