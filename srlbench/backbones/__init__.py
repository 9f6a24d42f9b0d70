"""Backbones, the encoders that recipes start from: shipped, declared, a folder, a GGUF file, a revision on the Hub."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from srlbench.backbones import declared, gguf
from srlbench.backbones.declared import Declaration
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
    path: Path | None  # None while it is on the Hub, or is not converted
    hub_id: str | None
    revision: str | None
    sha256: str  # hash of the files; for a Hub backbone its revision, which pins the files
    file: Path | Declaration | None = None  # a GGUF file, or what is declared of one
    settings: Mapping[str, Any] = field(default_factory=dict)  # of every recipe on it: layers, attention, pool

    @property
    def layered(self) -> bool:
        """Whether it is a transformer; sentence-transformers saves static embeddings without a config.json."""
        return self.path is None or (self.path / "config.json").is_file()

    @property
    def decoder(self) -> bool:
        """Whether it is a language model that predicts the next word. One that is not here yet is known by its name."""
        if self.file is not None:
            return True
        if (folder := present(self)) is None:
            return "bert" not in str(self.hub_id).lower()
        if not self.layered:
            return False
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return any(name.endswith(("CausalLM", "LMHeadModel")) for name in config.get("architectures") or ())


def names() -> list[str]:
    """The names of the backbones shipped with this package."""
    return sorted(folder.parent.name for folder in SHIPPED.glob("*/model.safetensors"))


def is_named(name: str) -> bool:
    """Whether a backbone is known by this name alone: shipped, or declared in the package."""
    return name in names() or name in declared.names()


def known() -> dict[str, str]:
    """Every backbone that has a name, with one line about it."""
    shipped = {name: f"shipped, sha256 {resolve(name).sha256[:16]}" for name in names()}
    others = [declared.read(SHIPPED / f"{name}.toml") for name in declared.names()]
    return shipped | {
        each.name: f"{each.summary}; not shipped ({each.licence}), sha256 {each.sha256[:16]}" for each in others
    }


def resolve(name: str) -> Backbone:
    """The backbone of a shipped or declared name, a folder, a .gguf or .toml file, or `org/name@revision`."""
    if name in names():
        return _local(name, SHIPPED / name)
    folder = Path(os.path.expanduser(name))
    if name in declared.names() or (name.endswith(".toml") and folder.is_file()):
        about = declared.read(SHIPPED / f"{name}.toml" if name in declared.names() else folder.resolve())
        return Backbone(about.name, None, None, None, about.sha256, about, about.settings)
    if name.endswith(".gguf") and folder.is_file():
        return Backbone(folder.stem, None, None, None, declared.sha256(folder.resolve()), folder.resolve())
    if (folder / "config.json").is_file() or _static(folder):
        return _local(folder.resolve().name, folder.resolve())
    if folder.is_dir():
        raise UsageError(f"The folder '{name}' is not a backbone: it has no config.json.")
    if not (match := _HUB.fullmatch(name)):
        raise unknown("backbone", name, [*names(), *declared.names()])
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


def present(backbone: Backbone) -> Path | None:
    """The folder of a backbone, if it is here already."""
    if backbone.path is not None:
        return backbone.path
    if backbone.file is not None:
        return gguf.folder(backbone.sha256)
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(str(backbone.hub_id), "config.json", revision=backbone.revision)
    return Path(config).parent if isinstance(config, str) else None


def fetch(backbone: Backbone) -> Path:
    """The folder of a backbone; one that is elsewhere is first found, downloaded or converted, and kept in a cache."""
    if backbone.path is not None:
        return backbone.path
    if backbone.file is not None:
        if (ready := gguf.folder(backbone.sha256)) is not None:
            return ready
        there = backbone.file if isinstance(backbone.file, Path) else declared.find(backbone.file)
        return gguf.convert(there, backbone.sha256)
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
