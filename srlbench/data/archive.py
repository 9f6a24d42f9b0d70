"""Safe unpacking of a tar archive: completely or not at all, and never outside its folder."""

from __future__ import annotations

import contextlib
import shutil
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self
from uuid import uuid4

from srlbench.errors import SrlbenchError, UsageError

MAX_BYTES = 2 * 2**30
MAX_MEMBERS = 20_000
_LONGEST = 2**16  # bytes of a header that says more of the member after it
_HEADERS = (b"x", b"g", b"X", b"L", b"K")  # their types
_DEEP = 16
_BLOCK = 512
_STALE = 3600.0  # seconds after which the unfinished folder of another process counts as abandoned


class Member(tarfile.TarInfo):
    """A member; a header of one may not be so long that reading it takes all memory."""

    def _proc_member(self, tar: tarfile.TarFile) -> Self:
        if self.type in _HEADERS and self.size > _LONGEST:
            raise SrlbenchError(f"Refused {tar.name!s}: it has a header of {self.size} bytes.")
        return super()._proc_member(tar)  # type: ignore[misc,no-any-return]


def unpack(
    archive: Path, target: Path, check: Callable[[Path], None] = lambda folder: None, replace: bool = False
) -> None:
    """Unpack the archive into the folder `target`, if the check of what is in it raises no error.

    An existing folder stays unchanged, or with `replace` stays until the new one is whole.
    """
    temporary, old = (target.parent / f".{target.name}-{uuid4().hex}" for _ in range(2))
    try:
        _sweep(target)
        temporary.mkdir(parents=True)
        _write(archive, _checked(archive), temporary)
        try:
            check(temporary)
        except UsageError as error:
            raise UsageError(f"Refused the archive {archive}: {error}.") from None
        if replace and target.exists():
            target.rename(old)
        try:
            temporary.rename(target)
        except OSError:
            if not target.is_dir():  # if it exists, another process was faster
                raise
    except SrlbenchError:
        raise
    except Exception as error:  # a broken archive raises errors of tarfile, zlib, lzma, struct and others
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise SrlbenchError(f"Cannot unpack {archive}: {reason}.") from error
    finally:
        for folder in (temporary, old):
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(target: Path) -> None:
    for folder in target.parent.glob(f".{target.name}-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _STALE:
                shutil.rmtree(folder)


def _checked(archive: Path) -> list[str]:
    """The names of all members, each of which is checked before anything is written."""
    names: list[str] = []
    total = 0
    with tarfile.open(archive, tarinfo=Member) as tar:
        for member in tar:
            if fault := _fault(member):
                raise SrlbenchError(f"Refused {archive}: its member {member.name[:100]!r} {fault}.")
            names.append(member.name)
            total += member.size
            if total > MAX_BYTES or len(names) > MAX_MEMBERS:
                raise SrlbenchError(
                    f"Refused {archive}: with its member {member.name[:100]!r} it holds more than "
                    f"{MAX_BYTES} bytes or {MAX_MEMBERS} members."
                )
        # tarfile treats a damaged header, or a cut between two members, as the end of the archive.
        tar.fileobj.seek(tar.offset)
        if tar.fileobj.read(_BLOCK) != bytes(_BLOCK):
            raise SrlbenchError(f"Cannot unpack {archive}: it is cut short or damaged after {len(names)} members.")
    return names


def _fault(member: tarfile.TarInfo) -> str | None:
    name, parts = member.name, member.name.split("/")
    if name.startswith("/"):
        return "has an absolute path"
    if ".." in parts:
        return "climbs out of its folder"
    if not name.isprintable() or any(mark in name for mark in '\\:*?"<>|'):
        return "has a name that is not one of a plain file"
    if not name or len(parts) > _DEEP or max(map(len, parts)) > 200:
        return "has a name that is empty or too long"
    if member.issparse() or not (member.isreg() or member.isdir()):
        return "is neither a plain file nor a folder"
    return "has a size below zero" if member.size < 0 else None


def _write(archive: Path, names: list[str], folder: Path) -> None:
    """Write the members' bytes, without their owners, modes and times."""
    with tarfile.open(archive, tarinfo=Member) as tar:
        for name, member in zip(names, tar, strict=True):
            if member.name != name or _fault(member):
                raise SrlbenchError(f"The archive {tar.name!s} changed while it was read.")
            path = folder / name
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            source = tar.extractfile(member)
            assert source is not None
            with path.open("xb") as file:
                shutil.copyfileobj(source, file)
