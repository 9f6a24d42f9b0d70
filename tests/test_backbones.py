"""What a recipe starts from: shipped, local, or pinned on the Hub."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from srlbench import backbones
from srlbench.errors import SrlbenchError, UsageError

REVISION = "86b5e0934494bd15c9632b12f734a8a67f723594"


@pytest.mark.parametrize("name", backbones.names())
def test_a_shipped_backbone_is_small_and_is_what_its_card_says(name: str) -> None:
    from srlbench.training.pretraining.corpus import file_hash

    folder = backbones.fetch(backbones.resolve(name))
    files = [path for path in folder.rglob("*") if path.is_file()]
    card = json.loads((folder / "card.json").read_text())
    assert sum(path.stat().st_size for path in files) < {"mini": 10_000_000}.get(name, 6_000_000)
    assert card["name"] == name
    assert card["weights_sha256"] == file_hash(folder / "model.safetensors")


def test_tiny_is_shipped() -> None:
    assert "tiny" in backbones.names()
    tiny = backbones.resolve("tiny")
    assert (tiny.name, tiny.hub_id, tiny.revision) == ("tiny", None, None)
    assert len(tiny.sha256) == 64


def test_a_local_folder_is_known_by_its_content(tmp_path: Path) -> None:
    tiny = backbones.resolve("tiny")
    copy = tmp_path / "copy"
    shutil.copytree(backbones.fetch(tiny), copy)
    found = backbones.resolve(str(copy))
    assert (found.name, found.path, found.sha256) == ("copy", copy, tiny.sha256)
    (copy / "README.md").write_text("another text")
    assert backbones.resolve(str(copy)).sha256 == tiny.sha256
    with (copy / "tokenizer.json").open("a") as stream:
        stream.write("\n")
    assert backbones.resolve(str(copy)).sha256 != tiny.sha256


def test_a_pinned_hub_backbone_is_its_revision() -> None:
    found = backbones.resolve(f"google-bert/bert-base-uncased@{REVISION}")
    assert (found.hub_id, found.revision) == ("google-bert/bert-base-uncased", REVISION)
    assert (found.path, found.sha256) == (None, REVISION)


@pytest.mark.parametrize("name", ["org/name", "org/name@main", f"org/name@{REVISION[:12]}", "org/name@"])
def test_a_hub_backbone_without_a_commit_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="not pinned"):
        backbones.resolve(name)


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match=r"Unknown backbone 'tinny'\. Did you mean 'tiny'\?"):
        backbones.resolve("tinny")


def test_a_folder_without_config_is_no_backbone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no config\.json"):
        backbones.resolve(str(tmp_path))


def test_a_download_that_fails_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub

    def fail(*_: object, **__: object) -> str:
        raise OSError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(SrlbenchError, match=r"Cannot fetch .* no route to host"):
        backbones.fetch(backbones.resolve(f"org/name@{REVISION}"))


def test_listing_needs_no_torch() -> None:
    code = (
        "import sys; from srlbench import backbones\n"
        "print([backbones.resolve(name).name for name in backbones.names()], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{backbones.names()} False"
