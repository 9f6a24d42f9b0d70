"""The tracks of real text, run end to end over made-up files and a Hub on this machine."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import tarfile
import tomllib
from pathlib import Path

import made_small
import pytest
import torch
from hub_of_files import Hub
from local_server import serving
from transformers import BertConfig, BertModel

import srlbench
from srlbench import backbones, data, records, registry, tracks
from srlbench.data import language, mirror, simcse
from srlbench.tracks.resolve import applies, resolved

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHIPPED = Path(backbones.__file__).parent


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_small.folder(tmp_path_factory.mktemp("data"))


@pytest.mark.parametrize("backbone", ["tiny", pytest.param("static", marks=pytest.mark.slow)])
def test_a_track_of_files_is_run_and_repeats_itself(backbone: str, given: Path, tmp_path: Path, cli) -> None:
    track = made_small.track(tmp_path / "track", given, backbone)
    for place in ("a", "b"):
        arguments = ["simcse-unsup", "simcse-sup", "--track", track, "--data", given, "--seeds", "0", "--jobs", "1"]
        done = cli("run", *arguments, "--results", tmp_path / place, env={"SRLBENCH_DATA": ""})
        assert done.returncode == 0, done.stderr
    a, b = (records.scan(tmp_path / place, "made-small", 1).records for place in ("a", "b"))
    assert [(r.weights_sha256, r.scores) for r in a] == [(r.weights_sha256, r.scores) for r in b]
    assert {r.training["steps"] for r in a} == {16 if backbone == "static" else 8}
    assert all(r.scores.keys() == {"STSBenchmark", "TREC"} for r in a)
    assert all("error" not in r.diagnostics["isotropy"] for r in a)


def test_tasks_that_take_long_are_scored_at_the_first_seed_alone(given: Path, tmp_path: Path, here) -> None:
    track = made_small.track(tmp_path / "track", given)
    rules = track.read_text(encoding="utf-8")
    track.write_text(f'{rules}\n[once]\ntiny = ["transfer"]\n', encoding="utf-8")
    made = ("bag-random", "input-words", "--track", track, "--data", given, "--seeds", "0-2", "--results", "out")
    done = here("run", *made, "--jobs", "1", "--json")
    assert done.returncode == 0, done.stderr
    scored = {(r.recipe, r.seed): [*r.scores] for r in records.scan(tmp_path / "out", "made-small", 1).records}
    first, later = ["STSBenchmark", "TREC"], ["STSBenchmark"]
    assert scored == {(name, seed): later if seed else first for name in made[:2] for seed in range(3)}
    for row in json.loads(done.stdout)[:2]:
        assert (row["state"], row["cells"]["sts_avg"]["n"], row["cells"]["transfer_avg"]["n"]) == ("ranked", 3, 1)
    compared = here("compare", "input-words", "bag-random", "--track", track, "--data", given, "--results", "out")
    assert compared.returncode == 0 and "STS avg" in compared.stdout, compared.stderr
    gate = ("--track", track, "--results")
    assert here("check", "--accept", "a test", *gate, "out", "--out", "baseline.toml").returncode == 0
    shutil.copytree(tmp_path / "out" / "made-small", tmp_path / "later" / "made-small")
    for path in (tmp_path / "later").rglob("seed-0.json"):
        path.unlink()  # the only ones with the tasks that take long
    for place in ("out", "later"):
        checked = here("check", *gate, place, "--baseline", "baseline.toml")
        assert checked.returncode == 0 and "2 ok" in checked.stdout, checked.stdout
    # A variant is compared in a sweep: it is not scored on them at all.
    assert [*tracks.read(track).tasks("input-words+dropout=0", "tiny", 0)] == later
    wrong = track.with_name("wrong.toml")
    wrong.write_text(f'{rules}\n[once]\ntiny = ["transfers"]\n', encoding="utf-8")
    refused = here("run", "untrained-mean", "--track", wrong)
    assert refused.returncode == 2 and "once names transfers, which is none of sts, transfer" in refused.stderr


def test_settings_are_searched_on_the_development_set(given: Path, tmp_path: Path, here) -> None:
    track = made_small.track(tmp_path / "track", given)
    shown = here("tune", "simcse-unsup", "--track", track, "--data", given, "--results", tmp_path / "out")
    assert shown.returncode == 0, shown.stderr
    assert "lr 0.0001" in shown.stdout and "lr 0.01" in shown.stdout
    found = records.scan(tmp_path / "out" / "search", "made-small", 1).records
    assert {(r.recipe, r.seed) for r in found} == {("simcse-unsup+lr=0.0001", 100), ("simcse-unsup+lr=0.01", 100)}
    assert all(r.scores.keys() == {"STSBenchmark-dev"} for r in found)
    again = here("tune", "simcse-unsup", "--track", track, "--data", given, "--results", tmp_path / "out")
    assert "Nothing to do" in again.stderr

    # What was chosen is written once all recipes were searched, and read by the track from beside its file.
    rules = tracks.read(track)
    best = max(found, key=lambda record: record.scores["STSBenchmark-dev"]).recipe.partition("=")[2]
    (tmp_path / "track" / "made-small.chosen").write_text(f"[tiny.simcse-unsup]\nlr = {best}\n")
    tuned, tiny = tracks.read(track), backbones.resolve("tiny")
    assert resolved(registry.recipe("simcse-unsup"), rules, tiny).lr == 1e-3
    assert resolved(registry.recipe("simcse-unsup"), tuned, tiny).lr == float(best)
    assert resolved(registry.recipe("simcse-unsup+lr=0.5"), tuned, tiny).lr == 0.5
    assert resolved(registry.recipe("mhs"), tuned, tiny).lr == 1e-3


def test_a_recipe_of_layers_is_refused_on_static_vectors(here) -> None:
    refused = here("run", "untrained-cls", "--track", "small", "--backbone", "static")
    assert refused.returncode == 2
    assert "'untrained-cls' needs a backbone with layers, and static has none." in refused.stderr


def test_a_recipe_of_decoders_is_refused_on_an_encoder(here) -> None:
    refused = here("run", "prompteol")
    assert refused.returncode == 2
    assert "'prompteol' needs a backbone that predicts the next word, and tiny is none." in refused.stderr


def test_decoders_are_told_from_encoders(tmp_path: Path) -> None:
    commit, prompteol = "0" * 40, registry.recipe("prompteol")
    for name, decodes in (("static", False), ("mini", False), ("gemma-3-270m", True), (f"org/mBERT@{commit}", False),
                          (f"org/Llama@{commit}", True)):  # fmt: skip
        assert applies(prompteol, backbones.resolve(name)) is decodes, name
    for kind, decodes in (("GPT2LMHeadModel", True), ("Qwen3ForCausalLM", True), ("BertForMaskedLM", False)):
        (tmp_path / "config.json").write_text(json.dumps({"architectures": [kind]}))
        assert applies(prompteol, backbones.resolve(str(tmp_path))) is decodes, kind


def test_a_track_without_a_search_says_so(here) -> None:
    refused = here("tune", "--track", "embedded")
    assert refused.returncode == 2 and "declares no search" in refused.stderr


def test_changed_text_is_refused(given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tracks.read(made_small.track(tmp_path / "track", given))
    other = made_small.folder(tmp_path / "other")
    lines = (other / simcse.WIKI).read_text(encoding="utf-8").split("\n")
    (other / simcse.WIKI).write_text("\n".join([lines[1], lines[0], *lines[2:]]), encoding="utf-8")
    monkeypatch.setenv("SRLBENCH_DATA", str(other))
    with pytest.raises(Exception, match="twins text of track made-small has sha256"):
        data.training_text(rules, "twins")


def tiny_bert(folder: Path) -> dict[str, bytes]:
    """A random BERT of two narrow layers over the vocabulary that is shipped."""
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=8192, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    BertModel(shape).save_pretrained(folder)
    tokenizer = {name: (SHIPPED / "tiny" / name).read_bytes() for name in ("tokenizer.json", "tokenizer_config.json")}
    return tokenizer | {path.name: path.read_bytes() for path in folder.iterdir()}


def paper_track(folder: Path, given: Path) -> Path:
    """The paper's track, word for word but for the lengths of its files and its backbone."""
    own = made_small.track(folder, given)
    text = (tracks.FOLDER / "paper.toml").read_text(encoding="utf-8")
    text = re.sub(r'protocol = "simcse"', 'protocol = "made-protocol.toml"', text)
    text = re.sub(r"backbones = \[[^\]]*\]", f'backbones = ["someone/small-bert@{COMMIT}"]', text)
    text = text.replace("lines = 1000000", f"lines = {made_small.LINES + 50}")
    text = text.replace("lines = 275601", f"lines = {made_small.TRIPLES}")
    text = text.replace("checkpoint_steps = 125", "checkpoint_steps = 5")
    path = own.with_name("made-paper.toml")
    path.write_text(text, encoding="utf-8")
    return path


def test_the_papers_road_from_the_hub_to_the_record(given: Path, tmp_path: Path, cli) -> None:
    rows = io.StringIO()
    csv.writer(rows, lineterminator="\n").writerows(
        [("sent0", "sent1", "hard_neg"), *language.triplets(made_small.TRIPLES, 0)]
    )
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.add(given / "senteval", "senteval")
    text = {
        simcse.WIKI: (given / simcse.WIKI).read_bytes(),
        simcse.NLI: rows.getvalue().encode(),
        mirror.ARCHIVE: tar.getvalue(),
    }
    repositories = {
        "someone/small-bert": (COMMIT, tiny_bert(tmp_path / "bert")),
        f"datasets/{mirror.REPOSITORY}": (mirror.REVISION, text),
    }
    track = paper_track(tmp_path / "track", given)
    arguments = ["simcse-unsup", "simcse-sup", "--track", track, "--seeds", "0", "--results", tmp_path / "out"]
    with serving(Hub(repositories)) as hub:
        online = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0", "SRLBENCH_DATA": ""}
        done = cli("run", *arguments, env={**online, "HF_HOME": str(tmp_path / "run")})
        pulled = cli("data", "pull", "--track", track, env={**online, "HF_HOME": str(tmp_path / "pulled")})
    assert done.returncode == 0, done.stdout + done.stderr
    found = {record.recipe: record for record in records.scan(tmp_path / "out", "paper", 1).records}
    unsup, sup = found["simcse-unsup"], found["simcse-sup"]
    assert unsup.training["steps"] == (made_small.LINES + 50) // 64
    assert unsup.training["selected"] == "dev" and [step for step, _ in unsup.training["dev"]] == [5, 10]
    assert unsup.backbone == f"someone/small-bert@{COMMIT}"
    assert sup.scores.keys() == {"STSBenchmark", "TREC"}

    # What was run, and what was pulled, is there without a network.
    assert pulled.returncode == 0, pulled.stdout + pulled.stderr
    assert simcse.WIKI in pulled.stdout and simcse.NLI in pulled.stdout and COMMIT in pulled.stdout
    assert re.search(r"ok +\S+ STSBenchmark", pulled.stdout) and re.search(r"ok +\S+ TREC", pulled.stdout)
    offline = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1", "SRLBENCH_DATA": ""}
    again = cli("run", *arguments, env={**offline, "HF_HOME": str(tmp_path / "run")})
    assert again.returncode == 0 and "Nothing to do" in again.stderr
    arguments[-1] = tmp_path / "again"
    anew = cli("run", *arguments, env={**offline, "HF_HOME": str(tmp_path / "pulled")})
    assert anew.returncode == 0, anew.stdout + anew.stderr
    repeated = {record.recipe: record for record in records.scan(tmp_path / "again", "paper", 1).records}
    assert {name: record.scores for name, record in repeated.items()} == {name: found[name].scores for name in found}


def test_the_papers_settings_are_those_of_the_papers() -> None:
    rules = tracks.load("paper")
    bert, roberta = (backbones.resolve(name) for name in rules.backbones)

    def settings(recipe: str, start: backbones.Backbone) -> tuple[object, ...]:
        made = resolved(registry.recipe(recipe), rules, start)
        return made.batch_size, made.lr, made.steps, made.select

    assert settings("simcse-unsup", bert) == (64, 3e-5, 15625, "dev")
    assert settings("simcse-unsup", roberta) == (512, 1e-5, 1953, "dev")
    assert settings("simcse-sup", bert) == settings("simcse-sup", roberta) == (512, 5e-5, 1614, "dev")
    assert settings("modified-mhs", bert) == (128, 1e-5, 7812, "dev")
    assert settings("mhs", roberta) == (512, 1e-6, 1953, "dev")


def test_the_plan_of_the_paper_is_shown_with_its_hours(cli) -> None:
    shown = cli("run", "--all", "--track", "paper", "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"\d+ runs, \d+ to make, about [\d.]+ GPU hours, reckoned from operations", shown.stdout)


@pytest.mark.skipif(not (Path(srlbench.__file__).parent.parent / "results" / "small").is_dir(), reason="not in a clone")
def test_what_was_chosen_is_what_the_search_found() -> None:
    published = Path(srlbench.__file__).parent.parent / "results" / "small" / "v1" / "small.chosen"
    shipped = tracks.FOLDER / "small.chosen"
    assert tomllib.loads(shipped.read_text()) == tomllib.loads(published.read_text())


def test_no_shipped_file_is_large() -> None:
    sizes = [path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()]
    assert sum(sizes) < 25 * 2**20 and os.path.getsize(SHIPPED / "static" / "model.safetensors") < 8 * 2**20
