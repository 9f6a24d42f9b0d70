"""GGUF files as backbones: de-quantised once by transformers, and kept as safetensors in a cache folder."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from srlbench.backbones.declared import kept
from srlbench.errors import SrlbenchError, UsageError


def folder(sha256: str) -> Path | None:
    """The folder with the converted weights of a file, if they are in the cache."""
    return there if ((there := kept(sha256)) / "config.json").is_file() else None


def convert(path: Path, sha256: str) -> Path:
    """Put a GGUF file's weights and tokenizer into the cache, as transformers reads them; return their folder."""
    target = kept(sha256)
    if find_spec("gguf") is None:
        raise UsageError("A .gguf file needs the package gguf: pip install 'srlbench[gguf]'")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process converts, the others wait for it
        if (there := folder(sha256)) is not None:
            return there
        part = target.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        # In a process of its own: whoever asks shall not have to load torch.
        done = subprocess.run(
            [sys.executable, "-m", "srlbench.backbones.gguf", str(path), str(part)], capture_output=True, text=True
        )
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise SrlbenchError(f"transformers cannot read {path}: {said}")
        shutil.rmtree(target, ignore_errors=True)
        os.replace(part, target)
    return target


def _write(path: Path, to: Path) -> None:
    """Read a GGUF file and write weights, configuration and tokenizer to a folder."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32, trust_remote_code=False)
    # The weights are float32 now; what is left of the format forbids to write them.
    model.hf_quantizer = None
    vars(model.config).pop("quantization_config", None)
    model.save_pretrained(to)
    AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name, trust_remote_code=False).save_pretrained(to)


if __name__ == "__main__":
    _write(Path(sys.argv[1]), Path(sys.argv[2]))
