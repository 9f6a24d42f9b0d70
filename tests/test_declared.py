"""Backbones that are not shipped: GGUF files, declared backbones, and what runs on one will cost."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from conftest import Cli
from transformers import AutoModel, AutoTokenizer, LlamaConfig, LlamaModel

from srlbench import backbones, registry, tracks
from srlbench.backbones import declared, gguf
from srlbench.data import language
from srlbench.errors import SrlbenchError, UsageError
from srlbench.runs import cost
from srlbench.tracks.resolve import resolved

WIDTH, LAYERS = 32, 3


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRLBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(declared.WHERE, raising=False)
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def model() -> LlamaModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(pieces()), hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=LAYERS,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5,
    )  # fmt: skip
    return LlamaModel(config).eval()


@pytest.fixture(scope="module")
def file(model: LlamaModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a small Llama in single precision, with a vocabulary of whole words."""
    writer = pytest.importorskip("gguf")
    path = tmp_path_factory.mktemp("gguf") / "small.gguf"
    out, config = writer.GGUFWriter(path, "llama"), model.config
    out.add_block_count(LAYERS)
    out.add_context_length(config.max_position_embeddings)
    out.add_embedding_length(WIDTH)
    out.add_feed_forward_length(config.intermediate_size)
    out.add_head_count(2)
    out.add_head_count_kv(2)
    out.add_rope_dimension_count(WIDTH // 2)
    out.add_rope_freq_base(10000.0)
    out.add_layer_norm_rms_eps(config.rms_norm_eps)
    out.add_vocab_size(config.vocab_size)
    out.add_tokenizer_model("llama")
    out.add_token_list(pieces())
    out.add_token_scores([-float(place) for place in range(len(pieces()))])
    out.add_token_types([2, 3, 3, *[1] * (len(pieces()) - 3)])
    out.add_bos_token_id(1)
    out.add_eos_token_id(2)
    out.add_unk_token_id(0)
    for name, value in renamed(model):
        out.add_tensor(name, value)
    for write in (out.write_header_to_file, out.write_kv_data_to_file, out.write_tensors_to_file, out.close):
        write()
    return path


def pieces() -> list[str]:
    """Special tokens, letters, and every beginning of every word, so that a word is merged letter by letter."""
    words = sorted({f"▁{word}" for line in language.sentences(100, seed=1) for word in line.split()})
    parts = {word[:end] for word in words for end in range(2, len(word) + 1)}
    return [
        "<unk>",
        "<s>",
        "</s>",
        *sorted({letter for word in words for letter in word}),
        *sorted(parts, key=lambda part: (len(part), part)),
    ]


def renamed(model: LlamaModel) -> Any:
    """The weights under the names that GGUF has for them; its queries and keys have another order of rows."""
    parts = {
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    }  # fmt: skip
    for name, value in model.state_dict().items():
        array = value.numpy().copy()
        if name.startswith("layers."):
            _, index, *rest = name.split(".")
            part = parts[".".join(rest[:-1])]
            if part in ("attn_q", "attn_k"):
                array = array.reshape(2, 2, WIDTH // 4, WIDTH).swapaxes(1, 2).reshape(WIDTH, WIDTH)
            yield f"blk.{index}.{part}.weight", array
        else:
            yield {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}[name], array


def declare(folder: Path, file: Path, **changes: Any) -> Path:
    about = {
        "summary": "A small Llama",
        "licence": "none",
        "file": file.name,
        "sha256": declared.sha256(file),
        **changes,
    }
    sources = about.pop("sources", [f'folder = "{file.parent}"'])
    lines = [f'{key} = "{value}"' for key, value in about.items() if key != "settings"]
    lines += [line for source in sources for line in ("[[sources]]", source)]
    lines += ["[settings]", *about.get("settings", ["layers = 2", 'attention = "bidirectional"', 'pool = "mean"'])]
    (folder / "lab.toml").write_text("\n".join(lines))
    return folder / "lab.toml"


def test_a_gguf_file_is_converted_once_and_whole(file: Path, model: LlamaModel, cache: Path) -> None:
    found = backbones.resolve(str(file))
    assert (found.name, found.sha256) == ("small", declared.sha256(file)) and backbones.present(found) is None
    folder = backbones.fetch(found)
    assert folder == cache / "backbones" / found.sha256 == backbones.present(found)
    made = AutoModel.from_pretrained(folder)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(made.state_dict()[name], value, msg=name)
    tokens = AutoTokenizer.from_pretrained(folder)
    text = next(iter(language.sentences(1, seed=1)))
    assert tokens.convert_ids_to_tokens(tokens(text)["input_ids"])[-1] == f"▁{text.split()[-1]}"
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert backbones.fetch(found) == folder and (folder / "model.safetensors").stat().st_mtime_ns == before
    assert [path.name for path in cache.glob("backbones/*") if path.suffix == ".part"] == []


def test_what_is_no_gguf_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"nothing")
    with pytest.raises(SrlbenchError, match=r"cannot read .*bad\.gguf"):
        backbones.fetch(backbones.resolve(str(tmp_path / "bad.gguf")))


def test_a_declared_backbone_is_trained_and_scored(file: Path, quick_track: Path, here: Cli, tmp_path: Path) -> None:
    about = declare(tmp_path, file)
    run = ("simcse-unsup+steps=2,word_dropout=0.2", "untrained-cls", "--backbone", about, "--track", quick_track)
    done = here("run", *run, "--seeds", "0", "--results", "r")
    assert done.returncode == 0, done.stderr
    (made,) = (tmp_path / "r").glob("quick/v4/records/simcse-unsup*/lab/*/seed-0.json")
    again = here("reproduce", made, "--backbone", about, "--track", quick_track, "--out", "again")
    assert again.returncode == 0 and "equal" in again.stdout, again.stderr
    folders = list((tmp_path / "r").glob("quick/v4/encoders/*/lab/*/seed-0"))
    settings = json.loads((folders[0] / "config.json").read_text())
    assert settings["num_hidden_layers"] == 2 and settings["is_causal"] is False
    (record,) = (tmp_path / "r").glob("quick/v4/records/untrained-cls/lab/*/seed-0.json")
    assert (
        json.loads(record.read_text())["resolved"] | {"layers": 2, "pool": "cls"}
        == json.loads(record.read_text())["resolved"]
    )
    asked = ("--protocol", "generated", "--tasks", "GenSTS13")
    whole, cut = (here("evaluate", about, *asked, *more) for more in (("--layers", "3"), ()))
    assert whole.returncode == cut.returncode == 0 and whole.stdout != cut.stdout, whole.stderr
    half = here("evaluate", about, *asked, "--precision", "bf16", "--json")
    assert json.loads(half.stdout)["precision"] == "bf16"
    assert json.loads(half.stdout)["scores"] != json.loads(here("evaluate", about, *asked, "--json").stdout)["scores"]
    wrong = here("evaluate", about, *asked, "--precision", "fp8")
    assert wrong.returncode == 2 and "Unknown precision 'fp8'" in wrong.stderr
    last = here("evaluate", file, *asked, "--pool", "last", "--attention", "sideways")
    assert last.returncode == 2 and "Unknown attention 'sideways'" in last.stderr


def test_every_source_is_tried_in_order(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = ModuleType("lab_model")

    def assemble(path: Path, overwrite: bool) -> None:
        assert overwrite
        shutil.copy(file, path)

    package.assemble = assemble  # type: ignore[attr-defined]
    monkeypatch.setattr(declared, "find_spec", lambda name: object() if name in sys.modules else None)
    sources = ['folder = "/nowhere"', 'package = "lab-model==1.0"']
    about = backbones.resolve(str(declare(tmp_path, file, sources=sources)))
    with pytest.raises(
        SrlbenchError, match=r"not found; `pip install lab-model==1\.0` brings it \(none\).*/nowhere; the"
    ):
        backbones.fetch(about)
    monkeypatch.setitem(sys.modules, "lab_model", package)
    assert declared.find(declared.read(tmp_path / "lab.toml")).read_bytes() == file.read_bytes()
    monkeypatch.setenv(declared.WHERE, str(file.parent))
    assert declared.find(declared.read(tmp_path / "lab.toml")) == file


def test_another_file_than_declared_is_refused(file: Path, tmp_path: Path) -> None:
    about = declare(tmp_path, file, sha256="0" * 64)
    with pytest.raises(SrlbenchError, match="its sha256 is another"):
        backbones.fetch(backbones.resolve(str(about)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a complete declaration"),
        ("sources = [{web = 'x'}]\nsummary='a'\nlicence='b'\nfile='c'\nsha256='d'", "'web'"),
    ],
)
def test_a_declaration_that_is_not_whole_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        backbones.resolve(str(tmp_path / "bad.toml"))


def test_gemma_is_declared_and_not_shipped() -> None:
    gemma = backbones.resolve("gemma-3-270m")
    assert gemma.sha256.startswith("a5fd3b62230aa5ec") and gemma.settings["layers"] == 6
    assert "Gemma Terms of Use" in backbones.known()["gemma-3-270m"] and "gemma-3-270m" not in backbones.names()
    assert not list(backbones.SHIPPED.glob("gemma*/*"))
    recipe = resolved(registry.recipe("simcse-unsup"), tracks.load("small"), gemma)
    assert (recipe.layers, recipe.attention, recipe.pool) == (6, "bidirectional", "mean")
    assert resolved(registry.recipe("simcse-unsup+layers=18"), tracks.load("small"), gemma).layers == 18
    bag = resolved(registry.recipe("bag-random"), tracks.load("small"), gemma)
    assert bag.layers is None and bag.attention is None


def test_a_cost_is_reckoned_where_nobody_timed_a_run(file: Path, quick_track: Path, here: Cli, tmp_path: Path) -> None:
    folder = backbones.fetch(backbones.resolve(str(file)))
    shown = here("run", "simcse-unsup+word_dropout=0.2", "--backbone", folder, "--track", quick_track, "--dry-run")
    assert shown.returncode == 0 and "unknown" not in shown.stdout and "GB of memory each" in shown.stdout
    track, start = tracks.read(quick_track), backbones.resolve(str(folder))
    base, tasks = resolved(registry.recipe("simcse-unsup"), track, start), tuple(track.protocol.tasks)
    one, two = (cost.of(resolved(registry.recipe(name), track, start), track, start, tasks) for name in
                ("simcse-unsup+steps=100", "simcse-unsup+steps=10000"))  # fmt: skip
    assert one and two and one.seconds < two.seconds and one.memory == two.memory
    large = cost.of(resolved(registry.recipe("simcse-unsup+batch_size=4096"), track, start), track, start, tasks)
    small = cost.of(
        resolved(registry.recipe("simcse-unsup+batch_size=4096,micro_batch=8"), track, start), track, start, tasks
    )
    assert large and small and small.memory < large.memory and base.batch_size
    refused = here("run", "simcse-unsup+batch_size=40000000", "--backbone", folder, "--track", quick_track)
    assert refused.returncode == 3 and "GB of memory, and this machine has" in refused.stderr
    assert cost.of(base, track, backbones.resolve("static"), tasks) is None


def test_a_calibration_is_quick_and_of_this_machine() -> None:
    assert all(1e8 < cost.speed(1, 640, precision) < 1e14 for precision in (None, "bf16"))
    assert gguf.folder("0" * 64) is None
