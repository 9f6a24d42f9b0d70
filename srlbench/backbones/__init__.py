"""Backbones, the encoders that recipes start from: shipped weights, a local folder, or a pinned revision on the Hub."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from srlbench.errors import SrlbenchError, UsageError, unknown

SHIPPED = Path(__file__).parent
# The files that determine an encoder. A changed card or README does not make another backbone.
CONTENT = ("config.json", "model.safetensors", "tokenizer.json")
_HUB = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+?)(@(?P<revision>.*))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Backbone:
    """A pre-trained encoder: its name, its location, and the hash or revision that pins its content."""

    name: str
    path: Path | None  # None while it is on the Hub
    hub_id: str | None
    revision: str | None
    sha256: str  # hash of the files; for a Hub backbone its revision, which pins the files

    @property
    def layered(self) -> bool:
        """Whether it is a transformer; sentence-transformers saves static embeddings without a config.json."""
        return self.path is None or (self.path / "config.json").is_file()


def names() -> list[str]:
    """The names of the backbones shipped with this package."""
    return sorted(folder.parent.name for folder in SHIPPED.glob("*/model.safetensors"))


def resolve(name: str) -> Backbone:
    """The backbone for a shipped name, a folder of a transformer or of static embeddings, or `org/name@revision`."""
    if name in names():
        return _local(name, SHIPPED / name)
    folder = Path(name).expanduser()
    if (folder / "config.json").is_file() or _static(folder):
        return _local(folder.resolve().name, folder.resolve())
    if folder.is_dir():
        raise UsageError(f"The folder '{name}' is not a backbone: it has no config.json.")
    if not (match := _HUB.fullmatch(name)):
        raise unknown("backbone", name, names())
    repository, revision = match["repository"], match["revision"]
    if revision is None or not _COMMIT.fullmatch(revision):
        raise UsageError(
            f"The backbone '{name}' is not pinned. Give the 40 hexadecimal digits of a commit, as in "
            f"'{repository}@0123456789abcdef0123456789abcdef01234567': a branch or tag may move."
        )
    return Backbone(name, None, repository, revision, revision)


def _static(folder: Path) -> bool:
    """Whether a sentence-transformers folder holds static embeddings and no other module."""
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        return [str(module["type"]).rpartition(".")[2] for module in modules] == ["StaticEmbedding"]
    except (OSError, ValueError, TypeError, KeyError):
        return False


def fetch(backbone: Backbone) -> Path:
    """The folder of a backbone; a Hub backbone is first downloaded or taken from the Hub's cache."""
    if backbone.path is not None:
        return backbone.path
    from huggingface_hub import snapshot_download

    assert backbone.hub_id is not None
    try:
        folder = snapshot_download(
            backbone.hub_id,
            revision=backbone.revision,
            # The weights are downloaded in one format only, not again for other frameworks.
            allow_patterns=["*.json", "*.txt", "*.model", "*.safetensors"],
        )
    except (OSError, ValueError) as error:  # the Hub's own errors are subclasses of these
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SrlbenchError(f"Cannot fetch the backbone '{backbone.name}' from the Hub: {reason}") from error
    return Path(folder)


def _local(name: str, folder: Path) -> Backbone:
    try:
        present = [file for file in CONTENT if (folder / file).exists()]
        stamps = tuple((file, (folder / file).stat().st_mtime_ns) for file in present)
        return Backbone(name, folder, None, None, _content(folder, stamps))
    except OSError as error:
        raise SrlbenchError(f"Cannot read the backbone '{name}': {error}.") from error


@cache
def _content(folder: Path, stamps: tuple[tuple[str, int], ...]) -> str:
    """One hash of the names and bytes of the files; the stamps only tell the cache that a file changed."""
    digest = hashlib.sha256()
    for file, _ in stamps:
        content = (folder / file).read_bytes()
        digest.update(f"{file}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
