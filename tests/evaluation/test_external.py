"""Encoders made elsewhere: every pooling, folders with and without one, and a Hub on this machine."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from conftest import Cli

from srlbench import backbones
from srlbench.data import language
from srlbench.errors import UsageError
from srlbench.evaluation import external
from srlbench.evaluation.encoding import embed
from srlbench.evaluation.reading import POOLS

TEXTS = [*language.sentences(20, seed=8)]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped backbone with a pooler, as the checkpoints of SimCSE's authors have one."""
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    tiny = backbones.fetch(backbones.resolve("tiny"))
    transformers.BertModel.from_pretrained(tiny).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(tiny).save_pretrained(folder)
    return folder


def by_hand(folder: Path, pool: str, text: str) -> np.ndarray:
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        out = model(
            **transformers.AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt"), output_hidden_states=True
        )
    layers = out.hidden_states
    weights = torch.arange(1.0, layers[-1].shape[1] + 1)
    return {
        "cls": layers[-1][0, 0], "cls-pooler": out.pooler_output[0], "mean": layers[-1][0].mean(0),
        "max": layers[-1][0].max(0).values, "first-last": ((layers[1] + layers[-1]) / 2)[0].mean(0),
        "last-two": ((layers[-2] + layers[-1]) / 2)[0].mean(0), "last": layers[-1][0, -1],
        "weighted-mean": weights @ layers[-1][0] / weights.sum(),
    }[pool].numpy()  # fmt: skip


@pytest.mark.parametrize("pool", POOLS)
def test_a_pooling_is_what_its_name_says(bert: Path, pool: str) -> None:
    vectors = embed(external.load(str(bert), pool)[0], TEXTS)
    for text, vector in zip(TEXTS[:5], vectors):
        np.testing.assert_allclose(vector, by_hand(bert, pool, text), atol=1e-5)


def test_a_pooler_that_is_not_in_the_weights_is_not_made_up() -> None:
    with pytest.raises(UsageError, match="have no pooler"):
        external.load(str(backbones.fetch(backbones.resolve("tiny"))), "cls-pooler")


def test_a_sentence_transformers_folder_keeps_its_own_pooling(bert: Path, tmp_path: Path) -> None:
    made = external.load(str(bert), "max")[0]
    made.save(str(tmp_path / "made"))
    again, commit = external.load(str(tmp_path / "made"), None)
    assert commit is None and (embed(again, TEXTS) == embed(made, TEXTS)).all()
    with pytest.raises(UsageError, match="a pooling of its own; leave --pool out"):
        external.load(str(tmp_path / "made"), "mean")


def test_broken_weights_get_one_sentence(bert: Path, tmp_path: Path) -> None:
    shutil.copytree(bert, tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(UsageError, match="cannot be loaded as an encoder"):
        external.load(str(tmp_path / "broken"), "mean")


class Hub(ThreadingHTTPServer):
    """Speaks as much of the Hub's API as a model repository takes."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.given = folder, list[str]()


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        files = sorted(path.name for path in self.server.folder.iterdir())
        path, name = self.path.partition("?")[0], self.path.rpartition("/")[2]
        status, body = 404, b'{"error": "Repository not found"}'
        if path.startswith("/api/models/acme/enc/tree/"):
            sizes = {file: (self.server.folder / file).stat().st_size for file in files}
            tree = [{"type": "file", "path": file, "size": size, "oid": file} for file, size in sizes.items()]
            status, body = 200, json.dumps(tree).encode()
        elif path.startswith("/api/models/acme/enc"):
            info = {"id": "acme/enc", "sha": COMMIT, "siblings": [{"rfilename": file} for file in files]}
            status, body = 200, json.dumps(info).encode()
        elif path.startswith("/acme/enc/resolve/") and name in files:
            status, body = 200, (self.server.folder / name).read_bytes()
            if self.command == "GET":
                self.server.given.append(name)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{name}"')
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def hub(bert: Path, tmp_path: Path) -> Iterator[Hub]:
    folder = shutil.copytree(bert, tmp_path / "repository")
    (folder / "pytorch_model.bin").write_bytes(b"the same weights in the older form")
    (folder / "tf_model.h5").write_bytes(b"and of another framework")
    server = Hub(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_hub_name_is_fetched_once_without_what_is_not_needed(
    hub: Hub, bert: Path, cli: Cli, here: Cli, tmp_path: Path
) -> None:
    home = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(tmp_path / "home")}
    asked = ("--pool", "cls-pooler", "--protocol", "generated", "--tasks", "GenSTS13")
    there = cli("evaluate", "acme/enc@main", *asked, "--out", "a.json", env={**home, "HF_HUB_OFFLINE": "0"})
    assert there.returncode == 0, there.stderr
    assert f"acme/enc@main at {COMMIT}" in there.stdout
    assert "model.safetensors" in hub.given and not {"pytorch_model.bin", "tf_model.h5"} & set(hub.given)
    local = here("evaluate", bert, *asked, "--out", "b.json")
    again = cli("evaluate", "acme/enc@main", *asked, "--out", "c.json", env={**home, "HF_HUB_OFFLINE": "1"})
    assert local.returncode == again.returncode == 0, again.stderr
    found = [json.loads((tmp_path / f"{name}.json").read_text()) for name in "abc"]
    assert found[0]["scores"] == found[1]["scores"] == found[2]["scores"]
    assert [each["revision"] for each in found] == [COMMIT, None, COMMIT]


def test_a_name_the_hub_does_not_know_gets_one_sentence(hub: Hub, cli: Cli, tmp_path: Path) -> None:
    home = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(tmp_path / "home")}
    done = cli("evaluate", "acme/nosuch", "--pool", "mean", env={**home, "HF_HUB_OFFLINE": "0"})
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert done.stderr.startswith("Error: 'acme/nosuch' is no folder or run here, and the Hub does not give it: ")
