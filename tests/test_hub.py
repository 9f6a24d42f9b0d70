"""Publishing on the Hub: what goes, that it arrives whole, once, and without the token; what is refused, and how."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import QUICK_TASKS, Cli, Take
from hub_of_pushes import Hub
from local_server import serving

import srlbench
from srlbench import records, tracks
from srlbench.analysis.leaderboard import leaderboard, page
from srlbench.analysis.results import Results
from srlbench.errors import RUN_FAILED, USAGE, SrlbenchError, UsageError
from srlbench.publish import cards, dataset, hub
from srlbench.publish.hub import Upload
from srlbench.records import Record, run_folder, track_folder

TOKEN = "hf_ThisIsNoTokenOfAnybody0123456789"
README = b"---\nlicense: apache-2.0\n---\n# x\n"
SMALL = Upload(
    "my-lab/x", "dataset", {"README.md": README, "a/b.json": b"{}", "c.npz": bytes(range(256))}, "some files"
)
RESULTS = Path(srlbench.__file__).parent.parent / "results"
PUBLISHED = [name for name in tracks.names() if Results(RESULTS, tracks.load(name)).folder.is_dir()]


@pytest.fixture
def standin() -> Iterator[Hub]:
    with serving(Hub(TOKEN)) as running:
        yield running


@pytest.fixture
def online(standin: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """This process talks to the stand-in."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", standin.endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    return standin


def environment(endpoint: str, **more: str) -> dict[str, str]:
    """Of a process that talks to the stand-in."""
    return {
        "HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": "",
        "HUGGING_FACE_HUB_TOKEN": "", "NO_PROXY": "127.0.0.1", **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def made(quick_track: Path, take: Take, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of two runs that kept their encoders; the second reads two layers, with a module of srlbench's."""
    recipes = ("simcse-unsup", "simcse-unsup+pool=mean")
    place = take(tmp_path_factory.mktemp("made") / "results", *recipes, seeds=(0,), kept=True)
    results = Results(place, tracks.load(str(quick_track)))
    page.write(leaderboard(results), results.folder, results.command("leaderboard"))
    return place


@pytest.fixture
def rules(quick_track: Path) -> tracks.Track:
    return tracks.load(str(quick_track))


def card_of(upload: Upload) -> str:
    content = upload.files["README.md"]
    assert isinstance(content, bytes)
    return content.decode()


def record_of(recipe: str, results: Path, rules: tracks.Track) -> Record:
    (found,) = (r for r in records.scan(results, rules.name, rules.version).records if r.recipe == recipe)
    return found


# --- one commit ----------------------------------------------------------------------------------


def test_a_push_is_one_commit_and_the_same_again_is_none(online: Hub) -> None:
    assert re.fullmatch(rf"Pushed to {online.endpoint}/datasets/my-lab/x as commit \w+\.", hub.push(SMALL, TOKEN))
    there = online.repositories["datasets/my-lab/x"]
    assert there.files == dict(SMALL.files) and there.messages == ["initial commit", "some files"]
    assert hub.push(SMALL, TOKEN) == f"{online.endpoint}/datasets/my-lab/x has all of this already; no new commit."
    more = replace(SMALL, files={**SMALL.files, "a/b.json": b"[]"})
    hub.push(more, TOKEN)
    assert there.files == dict(more.files) and len(there.commits) == 3
    assert not online.leaks() and any(path.startswith("/large/") for _, path, *_ in online.requests)


@pytest.mark.parametrize(
    ("end", "status"),
    [("/preupload/main", 400), ("/commit/main", 400), ("/commit/main", 0), ("/batch", 400), ("/validate-yaml", 400)],
)
def test_what_breaks_on_the_way_leaves_nothing_half_pushed(online: Hub, end: str, status: int) -> None:
    online.fault = {end: (status, "no such luck")}
    with pytest.raises(SrlbenchError, match=r"^Cannot push to http\S+/datasets/my-lab/x: .*\.$"):
        hub.push(SMALL, TOKEN)
    assert online.repositories["datasets/my-lab/x"].commits == [{}]
    online.fault = {}
    hub.push(SMALL, TOKEN)
    assert online.repositories["datasets/my-lab/x"].files == dict(SMALL.files)


def test_a_push_of_somebody_else_in_between_is_not_mixed_with(online: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    known = HfApi.repo_info

    def slow(self: Any, *args: Any, **options: Any) -> Any:
        found = known(self, *args, **options)
        online.repositories["datasets/my-lab/x"].commits.append({"theirs": b""})
        return found

    monkeypatch.setattr(HfApi, "repo_info", slow)
    with pytest.raises(SrlbenchError, match="somebody else pushed in the meantime"):
        hub.push(SMALL, TOKEN)
    assert online.repositories["datasets/my-lab/x"].files == {"theirs": b""}


def test_an_interrupted_push_says_how_to_go_on(
    here: Cli, made: Path, rules: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(upload: Upload, secret: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(hub, "push", interrupted)
    done = here("publish", "--hub", "my-lab/x", "--track", rules.path, "--results", made, "--push")
    assert done.returncode == 130 and "the same command pushes what is not" in done.stderr


# --- refusals ------------------------------------------------------------------------------------


def test_each_refusal_is_one_sentence(online: Hub) -> None:
    for status, said in [
        (401, "the Hub does not accept the token in HF_TOKEN (401)"),
        (403, "the token in HF_TOKEN may not write there (403)"),
        (404, "there is no such owner or repository, or the token may not see it (404)"),
        (413, "it is too large, by far (413)"),
        (500, "the Hub refused (500)"),
    ]:
        online.fault = {"/api/repos/create": (status, "" if status == 500 else "it is too large,\nby far.")}
        with pytest.raises(SrlbenchError) as refused:
            hub.push(SMALL, TOKEN)
        assert str(refused.value) == f"Cannot push to {online.endpoint}/datasets/my-lab/x: {said}."
        assert refused.value.exit_code == RUN_FAILED
    assert not online.repositories


def test_a_wrong_token_and_an_owner_of_others(online: Hub) -> None:
    with pytest.raises(SrlbenchError, match=r"does not accept the token in HF_TOKEN \(401\)\.$"):
        hub.push(SMALL, TOKEN + "x")
    with pytest.raises(SrlbenchError, match=r"may not write there \(403\)\.$"):
        hub.push(replace(SMALL, repository="theirs/x"), TOKEN)


def test_no_network_and_no_hub(online: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", nowhere)
    with pytest.raises(SrlbenchError, match=f"no connection to {nowhere}"):
        hub.push(SMALL, TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(SrlbenchError, match=r"the Hub is switched off \(HF_HUB_OFFLINE\)"):
        hub.push(SMALL, TOKEN)


@pytest.mark.parametrize("name", ["x", "a/b/c", "-a/b", "a/b--c", "a b/c", "a/" + "b" * 97, "", "a/../b", "<b>/x"])
def test_a_name_the_hub_would_not_take_is_refused_before_anything(name: str) -> None:
    with pytest.raises(UsageError, match="is no repository of the Hub: say OWNER/NAME"):
        hub.checked(name)
    assert hub.checked("my-lab/x.y_z-1") == "my-lab/x.y_z-1"


# --- the token -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["hf_a b", "hf_ä", "hf_\x07", "hf_a\nb"])
def test_what_no_header_can_carry_is_refused_and_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", value)
    with pytest.raises(UsageError, match="What is in HF_TOKEN is no token") as refused:
        hub.token()
    assert value not in str(refused.value)


def test_the_token_is_that_of_the_environment_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    (tmp_path / "token").write_text("hf_ofALogin")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    with pytest.raises(UsageError, match="put one into the environment as HF_TOKEN"):
        hub.token()
    monkeypatch.setenv("HUGGING_FACE_HUB_TOKEN", f" {TOKEN}\n")
    assert hub.token() == TOKEN


def test_a_file_with_the_token_in_it_is_never_pushed(online: Hub) -> None:
    with pytest.raises(SrlbenchError, match=r"^Cannot push to http\S+/datasets/my-lab/x: a.json contains the token\.$"):
        hub.push(replace(SMALL, files={"README.md": README, "a.json": f"['{TOKEN}']".encode()}), TOKEN)
    assert not online.requests


def test_a_hub_that_repeats_the_token_does_not_get_it_shown(cli: Cli, standin: Hub, made: Path, rules: Any) -> None:
    standin.fault = {"/api/repos/create": (418, f"{TOKEN} is not welcome")}
    words = ["--debug", "publish", "--hub", "my-lab/x", "--track", rules.path, "--results", made, "--push"]
    done = cli(*words, env=environment(standin.endpoint, HF_TOKEN=TOKEN, HF_DEBUG="1"))
    assert done.returncode == RUN_FAILED and "… is not welcome (418)" in done.stderr
    assert TOKEN not in done.stdout + done.stderr and "SrlbenchError" in done.stderr


# --- what is pushed ------------------------------------------------------------------------------


def test_a_dry_run_needs_neither_token_nor_network(cli: Cli, made: Path, rules: Any) -> None:
    nowhere = {**environment("https://huggingface.co"), "HF_HUB_OFFLINE": "1", "HF_TOKEN": TOKEN}
    words = ["publish", "--hub", "my-lab/x", "--track", rules.path, "--results", made]
    done = cli(*words, "--encoder", "simcse-unsup/tiny/seed-0", env=nowhere)
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    assert re.fullmatch(r"https://huggingface.co/datasets/my-lab/x \(dataset\): \d+ files, [\d.]+ kB", first)
    assert any(re.fullmatch(rf"  quick/v{rules.version}/records/: 2 files, [\d.]+ kB", line) for line in lines)
    assert any(line.startswith("https://huggingface.co/my-lab/x-simcse-unsup-tiny-seed-0 (model): ") for line in lines)
    assert "Nothing was pushed; --push does it." in done.stderr and TOKEN not in done.stdout + done.stderr
    refused = cli(*words, "--push", env={**nowhere, "HF_TOKEN": ""})
    assert refused.returncode == USAGE and "HF_TOKEN" in refused.stderr and refused.stderr.count("\n") == 1


def test_everything_arrives_byte_for_byte_and_reads_back(
    cli: Cli, standin: Hub, made: Path, rules: Any, tmp_path: Path
) -> None:
    words = ["publish", "--hub", "my-lab/x", "--track", rules.path, "--results", made, "--push"]
    encoders = ["--encoder", "simcse-unsup/tiny/seed-0", "--encoder", "simcse-unsup+pool=mean"]
    done = cli(*words, *encoders, env=environment(standin.endpoint, HF_TOKEN=TOKEN))
    assert done.returncode == 0, done.stderr
    assert not standin.leaks() and TOKEN not in done.stdout + done.stderr
    names = {
        "datasets/my-lab/x",
        "my-lab/x-simcse-unsup-tiny-seed-0",
        "my-lab/x-simcse-unsup-pool-mean-tiny-seed-0",
    }
    assert standin.repositories.keys() == names
    assert all(len(each.commits) == 2 for each in standin.repositories.values())

    arrived = standin.repositories["datasets/my-lab/x"].files
    for name, content in arrived.items():
        assert name == "README.md" or (made / name).read_bytes() == content
        (tmp_path / "back" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "back" / name).write_bytes(content)
    kinds = {name.split("/")[2] for name in arrived if "/" in name}
    assert kinds == {"leaderboard.csv", "leaderboard.md", "records", "predictions", "protocol.toml", "track.toml"}
    again = cli("leaderboard", "--track", rules.path, "--results", tmp_path / "back")
    assert again.returncode == 0, again.stderr
    table = f"quick/v{rules.version}/leaderboard.csv"
    assert (tmp_path / "back" / table).read_bytes() == arrived[table]

    for recipe in ("simcse-unsup", "simcse-unsup+pool=mean"):
        record = record_of(recipe, made, rules)
        kept = run_folder(made, "encoders", record.key)
        model = standin.repositories[f"my-lab/x-{recipe.replace('+', '-').replace('=', '-')}-tiny-seed-0"].files
        for file in (path for path in kept.rglob("*") if path.is_file() and path.name != "README.md"):
            assert model[file.relative_to(kept).as_posix()] == file.read_bytes()

    second = cli(*words, *encoders, env=environment(standin.endpoint, HF_TOKEN=TOKEN))
    assert second.returncode == 0 and second.stdout.count("no new commit") == 3
    assert all(len(each.commits) == 2 for each in standin.repositories.values())


def test_the_viewer_finds_the_tables(made: Path, rules: Any, tmp_path: Path) -> None:
    from datasets import load_dataset

    sweeps = track_folder(tmp_path / "results", rules.name, rules.version) / "sweeps"
    shutil.copytree(made, tmp_path / "results")
    sweeps.mkdir()
    (sweeps / "simcse-unsup+pool.csv").write_text("recipe,pool\nsimcse-unsup,cls\n")
    (upload,) = dataset.uploads(Results(tmp_path / "results", rules), [], "my-lab/x")
    (tmp_path / "results" / "README.md").write_text(card_of(upload))
    for name, rows in {"leaderboard": None, "simcse-unsup+pool": 1}.items():
        found = load_dataset(str(tmp_path / "results"), name, cache_dir=str(tmp_path / "cache"))["train"]
        assert "recipe" in found.column_names and len(found) == (rows or len(found)) > 0


@pytest.mark.skipif(not RESULTS.is_dir(), reason="not in a clone")
@pytest.mark.parametrize(
    "name", [name for name in tracks.names() if Results(RESULTS, tracks.load(name)).folder.is_dir()]
)
def test_the_published_results_carry_no_sentence(name: str) -> None:
    (upload,) = dataset.uploads(Results(RESULTS, tracks.load(name)), [], "my-lab/x")
    arrays = [path for file, path in upload.files.items() if file.endswith(".npz") and isinstance(path, Path)]
    assert len(arrays) >= 100
    for path in arrays[::20]:
        assert {array.dtype.kind for array in records.read_predictions(path).values()} <= set("fiub")
    for path in [path for file, path in upload.files.items() if "/records/" in file and isinstance(path, Path)][::20]:
        prose = {where for where, text in texts(json.loads(path.read_text())) if len(text.split()) > 2}
        assert prose <= {"command", "protocol", "os", "cpu", "instructions", "error"}, path


def texts(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, where)
    elif isinstance(value, str):
        yield where, value


def test_a_table_of_other_records_is_not_published(made: Path, rules: Any, tmp_path: Path) -> None:
    place = tmp_path / "results"
    with pytest.raises(
        UsageError, match=r"There is no leaderboard to publish in .*`srlbench leaderboard --track quick`"
    ):
        dataset.uploads(Results(place, rules), [], "my-lab/x")
    shutil.copytree(made, place)
    dataset.uploads(Results(place, rules), [], "my-lab/x")
    table = track_folder(place, rules.name, rules.version) / "leaderboard.csv"
    rows = list(csv.reader(io.StringIO(table.read_text())))
    for broken in (b"", b"recipe\n", b"recipe,backbone,fingerprint,seeds\nx\n", b"\xff\n"):
        table.write_bytes(broken)
        with pytest.raises(SrlbenchError, match=r"leaderboard.csv is not the table of the records beside it"):
            dataset.uploads(Results(place, rules), [], "my-lab/x")
    rows[1][rows[0].index("seeds")] = "0 1"
    with table.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    with pytest.raises(SrlbenchError, match=r"leaderboard.csv is not the table of the records beside it"):
        dataset.uploads(Results(place, rules), [], "my-lab/x")


@pytest.mark.parametrize("name", ["leaderboard.csv", "leaderboard.md"])
def test_a_number_that_was_edited_by_hand_is_not_published(name: str, made: Path, rules: Any, tmp_path: Path) -> None:
    place = tmp_path / "results"
    shutil.copytree(made, place)
    table = track_folder(place, rules.name, rules.version) / name
    text = table.read_text(encoding="utf-8")
    digit = re.search(r"\d\d\.\d(\d)", text)
    assert digit
    table.write_text(f"{text[: digit.start(1)]}{9 - int(digit[1])}{text[digit.end(1) :]}", encoding="utf-8")
    with pytest.raises(SrlbenchError, match=f"{name} is not the table of the records beside it"):
        dataset.uploads(Results(place, rules), [], "my-lab/x")


def test_only_what_srlbench_writes_is_published(made: Path, rules: Any, tmp_path: Path) -> None:
    place, secret = tmp_path / "results", tmp_path / "secret.txt"
    secret.write_text("nobody's business", encoding="utf-8")
    shutil.copytree(made, place)
    folder = track_folder(place, rules.name, rules.version)
    encoder = run_folder(place, "encoders", record_of("simcse-unsup", place, rules).key)
    before = [[*upload.files] for upload in dataset.uploads(Results(place, rules), ["simcse-unsup@tiny:0"], "my-lab/x")]
    for extra in (folder / "notes.md", folder / "picture.svg", folder / "sweeps" / "mine.md", encoder / "secret.txt"):
        extra.parent.mkdir(exist_ok=True)
        shutil.copy(secret, extra)
    after = [[*upload.files] for upload in dataset.uploads(Results(place, rules), ["simcse-unsup@tiny:0"], "my-lab/x")]
    assert after == before and {"model.safetensors", "modules.json", "1_FirstLast/config.json"} <= {*before[1]}


LINKS = ("claims.md", "records", "predictions", "leaderboard.csv", "encoder file", "encoder folder")


@pytest.mark.parametrize("which", LINKS)
def test_a_link_is_never_followed(which: str, made: Path, rules: Any, tmp_path: Path) -> None:
    place, elsewhere = tmp_path / "results", tmp_path / "elsewhere"
    shutil.copytree(made, place)
    key = record_of("simcse-unsup", place, rules).key
    folder, encoder = track_folder(place, rules.name, rules.version), run_folder(place, "encoders", key)
    target = {
        "records": records.record_path(place, key), "predictions": records.predictions_path(place, key).parent,
        "encoder file": encoder / "config.json", "encoder folder": encoder / "1_FirstLast",
    }.get(which, folder / which)  # fmt: skip
    shutil.move(target, elsewhere) if target.exists() else elsewhere.write_text("x", encoding="utf-8")
    target.symlink_to(elsewhere)
    with pytest.raises(SrlbenchError, match=r"is a link, and only files are published|is no encoder|not the table"):
        dataset.uploads(Results(place, rules), ["simcse-unsup@tiny:0"], "my-lab/x")


# --- encoders and their cards --------------------------------------------------------------------


def test_the_card_has_the_scores_of_the_record_in_the_hubs_form(made: Path, rules: Any) -> None:
    from huggingface_hub import ModelCard

    record = record_of("simcse-unsup", made, rules)
    _, upload = dataset.uploads(Results(made, rules), ["simcse-unsup/tiny/seed-0"], "my-lab/x")
    text = card_of(upload)
    about = ModelCard(text).data
    assert (about.license, about.library_name, about.base_model) == ("apache-2.0", "sentence-transformers", None)
    found = {each.dataset_name: each for each in about.eval_results}
    assert found.keys() == set(QUICK_TASKS) <= record.scores.keys()
    for task, each in found.items():
        metric = "accuracy" if task == "GenTREC" else "spearman_cosine"
        assert (each.metric_type, each.metric_value) == (metric, record.scores[task] / 100)
        assert (each.dataset_type, each.dataset_config, each.dataset_split) == ("srlbench-generated", task, "test")
        assert each.dataset_revision == record.data[task]
        assert each.source_url.startswith("https://") and each.source_url.endswith("/seed-0.json")
        assert f"| {task} | {each.metric_name} | {record.scores[task]:.2f} |" in text
    for said in (record.command, record.fingerprint, record.weights_sha256, "seed: 0", record.protocol):
        assert str(said) in text


def test_the_lines_of_the_card_load_the_encoder(made: Path, rules: Any, tmp_path: Path) -> None:
    import numpy as np

    for recipe in ("simcse-unsup", "simcse-unsup+pool=mean"):
        _, upload = dataset.uploads(Results(made, rules), [f"{recipe}/tiny/seed-0"], "my-lab/x")
        (block,) = re.findall(r"```python\n(.*?)```", card_of(upload), re.DOTALL)
        kept = run_folder(made, "encoders", record_of(recipe, made, rules).key)
        there: dict[str, Any] = {}
        exec(block.replace(upload.repository, str(kept)), there)
        assert there["vectors"].shape == (2, 128) and np.isfinite(there["vectors"]).all()
        assert ("srlbench" in block.replace(upload.repository, "")) == (recipe == "simcse-unsup")


def test_an_encoder_of_other_weights_is_refused(made: Path, rules: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    place = tmp_path / "results"
    shutil.copytree(made, place)
    file = run_folder(place, "encoders", record_of("simcse-unsup", place, rules).key) / "model.safetensors"
    weights = load_file(file)
    name = sorted(weights)[0]
    weights[name].view(-1)[0] += 1e-3
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(SrlbenchError, match=r"The weights in .* are not those that its record scored; nothing is"):
        dataset.uploads(Results(place, rules), ["simcse-unsup/tiny/seed-0"], "my-lab/x")


def test_which_encoder_is_meant_must_be_plain(made: Path, rules: Any) -> None:
    with pytest.raises(UsageError, match=r"No run 'simcse-sup' of track quick kept its encoder in"):
        dataset.uploads(Results(made, rules), ["simcse-sup"], "my-lab/x")
    with pytest.raises(UsageError, match=r"No run 'tiny' of track quick kept its encoder in"):
        dataset.uploads(Results(made, rules), ["tiny"], "my-lab/x")


@pytest.mark.parametrize(
    ("recipe", "backbone"),
    [("<script>x</script>|`a`", "a](http://e.example)\\"), ("=cmd", "```"), ("a: b #", "- x: y")],
)
def test_a_hostile_name_is_only_a_name_in_the_card(recipe: str, backbone: str, made: Path, rules: Any) -> None:
    from huggingface_hub import ModelCard
    from markdown_it import MarkdownIt

    record = replace(record_of("simcse-unsup", made, rules), recipe=recipe, backbone=backbone, command="x `y`\n# z")
    tables = "https://huggingface.co/datasets/my-lab/x"
    text = cards.of_model(record, rules, [], "my-lab/x", tables, "a b](c/<d>.json")
    card = ModelCard(text)
    assert card.data.model_name == f"{recipe} on {backbone}, seed 0" and len(card.data.eval_results) == 3
    tokens = MarkdownIt("commonmark").enable("table").parse(card.text)
    inner = [each for token in tokens for each in (token, *(token.children or ()))]
    assert not [each for each in inner if each.type.startswith("html")]
    links = {str(each.attrs["href"]) for each in inner if each.type == "link_open"}
    assert (
        all(link.startswith("https://huggingface.co/datasets/my-lab/x/blob/main/") for link in links)
        and len(links) == 2
    )
    assert len([token for token in tokens if token.type == "heading_open"]) == 3
    title = next(token for token in tokens if token.type == "inline")
    assert "".join(each.content for each in title.children or ()) == f"{recipe} on {backbone}, seed 0"


def test_of_a_backbone_on_the_hub_the_card_names_the_base_model(made: Path, rules: Any) -> None:
    from huggingface_hub import ModelCard

    pinned = "google-bert/bert-base-uncased@" + "0" * 40
    record = replace(record_of("simcse-unsup", made, rules), backbone=pinned)
    about = ModelCard(cards.of_model(record, rules, [], "my-lab/x", "https://h/datasets/x", "r.json")).data
    assert (about.base_model, about.license) == ("google-bert/bert-base-uncased", None)
    assert dataset._slug(record) == "simcse-unsup-bert-base-uncased-seed-0"
    small = tracks.load("small")
    scored = replace(record, scores={"STS12": 50.0, "MRPC": 70.0})
    about = ModelCard(cards.of_model(scored, small, [], "my-lab/x", "https://h/datasets/x", "r.json")).data
    assert about.datasets == ["princeton-nlp/datasets-for-simcse"]
    assert [(each.dataset_type, len(each.dataset_revision)) for each in about.eval_results] == [
        (about.datasets[0], 40)
    ] * 2
