"""Results in the forms of other tools: plain-text tables, a `datasets.Dataset`, mteb's result folder."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Cli, Take
from test_leaderboard import board, failed, made, runs

from srlbench import records, tracks
from srlbench.analysis.results import Results
from srlbench.analysis.table import Column, Line, Table, texts
from srlbench.publish import mteb_folder
from srlbench.records import Record

TASKS = {
    "sts": ("STS12", "STS13", "STS14", "STS15", "STS16", "STSBenchmark", "SICK-R"),
    "transfer": ("MR", "CR", "SUBJ", "MPQA", "SST2", "TREC", "MRPC"),
}


# --- plain text, as SentEval and SimCSE print it --------------------------------------------------


def lines_of(text: str) -> list[list[list[str]]]:
    """The cells of every table in a text, line by line; each table must be a rectangle between its rules."""
    tables = []
    for block in re.split(r"\n(?=[^+|\n])", text):
        rows = [line for line in block.splitlines() if line.startswith(("+", "|"))]
        assert len({len(row) for row in rows}) == 1 and rows[0] == rows[2] == rows[-1]
        assert set(rows[0]) == {"+", "-"}
        tables.append([[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("|")])
    return tables


def test_text_has_the_columns_of_simcse_and_the_means_over_seeds() -> None:
    scores = {task: 40 + place for place, task in enumerate(task for names in TASKS.values() for task in names)}
    records = [
        made("ours", seed, 0, scores={task: score + seed / 3 for task, score in scores.items()}) for seed in range(3)
    ]
    text = board(records, groups=TASKS).to_text()
    sts, transfer = lines_of(text)
    assert sts == [
        ["recipe", "seeds", *TASKS["sts"][:-1], "SICKRelatedness", "Avg."],
        ["ours", "3", "40.33", "41.33", "42.33", "43.33", "44.33", "45.33", "46.33", "43.33"],
    ]
    assert transfer[0] == ["recipe", "seeds", *TASKS["transfer"], "Avg."] and transfer[1][-1] == "50.33"
    assert text.startswith("STS tasks, protocol simcse: means over seeds\n+--") and "\n\nTransfer tasks, " in text


def test_text_says_what_is_missing_and_leaves_out_what_nobody_ran() -> None:
    records = [*runs("whole", 60), *runs("partial", 50, n=1)]
    del records[-1].scores["GenSTSB"]
    sts, transfer = lines_of(board(records, "idle").to_text())
    assert sts[1:] == [["whole", "3", "59.50", "61.50", "60.50"], ["partial", "1", "49.00", "not run", "not run"]]
    assert [line[0] for line in transfer] == ["recipe", "whole", "partial"]


def test_text_has_a_table_a_backbone_and_group() -> None:
    records = runs("a", 60) + runs("b", 50) + runs("a", 70, backbone="other")
    made_of = board(records, current={(record.recipe, record.backbone): record.fingerprint for record in records})
    titles = [line for line in made_of.to_text().splitlines() if "tasks" in line]
    assert [title.partition(",")[0] for title in titles] == [
        "STS tasks on tiny", "STS tasks on other", "Transfer tasks on tiny", "Transfer tasks on other",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["two\nlines", "a\r\n| b |\n+---+", "日本語", "x"])
def test_a_name_keeps_to_its_row(name: str) -> None:
    table = Table("t", "title", [Column("recipe", "left"), Column("n")], [Line(texts(name, "1"))])
    first, *rows = table.to_text().splitlines()
    assert first == "title" and len(rows) == 5 and rows[0] == rows[2] == rows[4]
    assert rows[3].startswith("| " + " ".join(name.split())) and rows[3].endswith("| 1 |")
    assert rows[0].startswith("+---") and (name != "日本語" or rows[0] == "+--------+---+")


def test_a_table_without_lines_is_its_head() -> None:
    assert Table("t", "", [Column("a")], []).to_text() == "+---+\n| a |\n+---+\n"


def test_the_verb_writes_text_and_latex(here: Cli, take: Take, quick_track: Path, tmp_path: Path) -> None:
    take(tmp_path / "found", "simcse-unsup", "bag-random")
    out = ["--out", "table.txt", "--out", "table.tex"]
    done = here("leaderboard", "--track", quick_track, "--results", "found", *out)
    assert done.returncode == 0, done.stderr
    sts, transfer = lines_of((tmp_path / "table.txt").read_text(encoding="utf-8"))
    assert sts[0] == ["recipe", "seeds", "GenSTS13", "GenSTSB", "Avg."] and {row[1] for row in sts[1:]} == {"2"}
    assert {row[0] for row in transfer[1:]} == {"simcse-unsup", "bag-random"}
    assert r"\begin{tabular}" in (tmp_path / "table.tex").read_text(encoding="utf-8")


# --- pandas and datasets --------------------------------------------------------------------------


def stored(results: Path, found: Sequence[Record]) -> Results:
    """These records in a folder, on the embedded track."""
    rules = tracks.load("embedded")
    for record in found:
        records.write(results, replace(record, track_version=rules.version))
    return Results(results, rules)


def test_a_dataset_has_the_rows_of_the_frame_with_their_types(tmp_path: Path) -> None:
    results = stored(tmp_path, [*runs("bag-random", 60, n=2), failed("simcse-unsup", 0)])
    dataset, frame = results.to_dataset(), results.to_pandas()
    assert {name: feature.dtype for name, feature in dataset.features.items()} == {
        "track": "string", "version": "int64", "protocol": "string", "recipe": "string", "backbone": "string",
        "seed": "int64", "status": "string", "fingerprint": "string", "current": "bool", "task": "string",
        "score": "float64",
    }  # fmt: skip
    assert dataset.column_names == [*frame.columns] and len(dataset) == len(frame) == 9
    plain = frame.astype(object).where(frame.notna(), None).to_dict("records")
    assert [*dataset] == plain
    assert [row["task"] for row in dataset if row["status"] == "failed"] == [None]
    assert dataset.filter(lambda row: row["task"] == "GenSTSB" and row["seed"] == 1)["score"][:] == [61.5]


def test_an_empty_folder_is_an_empty_dataset_of_the_same_types(tmp_path: Path) -> None:
    empty, full = stored(tmp_path / "a", []).to_dataset(), stored(tmp_path / "b", runs("x", 60, n=1)).to_dataset()
    assert len(empty) == 0 and empty.features == full.features


# --- mteb's result folder -------------------------------------------------------------------------


def recorded(results: Path, track: str, *recipes: str, seeds: Sequence[int] = (0, 1)) -> Results:
    """Published records of some recipes in a folder of their own."""
    rules = tracks.load(track)
    for record in records.published(track, rules.version) or ():
        if record.recipe in recipes and record.seed in seeds:
            records.write(results, record)
    return Results(results, rules)


PUBLISHED = records.published_results()
in_a_clone = pytest.mark.skipif(not (PUBLISHED / "small").is_dir(), reason="there are no published records")


def read_by_mteb(folder: Path) -> dict[tuple[str, str], float]:
    """What mteb's own tables show: model, task -> score."""
    import mteb

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = mteb.ResultCache(folder).load_results().to_dataframe(format="long")
    return dict(zip(zip(frame["model_name"], frame["task_name"], strict=True), frame["score"], strict=True))


@in_a_clone
@pytest.mark.parametrize(("track", "known"), [("small", True), ("embedded", False)])
def test_mteb_reads_every_score_of_every_run(tmp_path: Path, track: str, known: bool) -> None:
    results = recorded(tmp_path / "found", track, "simcse-unsup", "bag-random")
    done = mteb_folder.export(results, tmp_path / "out")
    backbones = len(results.track.backbones)
    assert (done.runs, done.files) == (4 * backbones, 4 * backbones * 15)
    wanted = {
        (f"srlbench/{record.recipe}-{record.backbone}-seed-{record.seed}", task): score / 100
        for record in results.records
        for task, score in record.scores.items()
    }
    assert read_by_mteb(tmp_path / "out") == pytest.approx(wanted, abs=1e-12)
    assert set(done.unknown) == {*results.track.protocol.tasks} - ({*TASKS["sts"]} if known else set())
    for record in results.records:
        (meta,) = (tmp_path / "out" / "results").glob(
            f"*{record.recipe}-{record.backbone}-seed-{record.seed}/*/*meta.json"
        )
        assert meta.parent.name == record.fingerprint
        assert json.loads(meta.read_text(encoding="utf-8"))["revision"] == record.fingerprint


@in_a_clone
def test_mteb_looks_up_the_tasks_that_it_has(tmp_path: Path) -> None:
    import mteb

    results = recorded(tmp_path / "found", "small", "simcse-unsup", seeds=[0])
    mteb_folder.export(results, tmp_path / "out")
    cache, (name, *_) = mteb.ResultCache(tmp_path / "out"), [model for model, _ in read_by_mteb(tmp_path / "out")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = cache.load_results(models=[name], tasks=[*TASKS["sts"]], validate_and_filter=True)
    assert loaded.task_types == ["STS"] and {each.task_name for each in loaded[0].task_results} == {*TASKS["sts"]}
    assert loaded[0].model_name == name and loaded[0].model_meta.similarity_fn_name == "cosine"


@in_a_clone
def test_only_current_runs_are_exported_and_an_export_replaces_an_export(tmp_path: Path) -> None:
    results = recorded(tmp_path / "found", "embedded", "simcse-unsup", seeds=[0])
    (record,) = results.records
    records.write(results.path, replace(record, fingerprint="0" * 16, seed=7))
    records.write(results.path, replace(record, recipe="nobodys", seed=8))
    gone = {"status": "failed", "scores": {}, "results": [], "error": {"type": "X", "message": "y"}}
    records.write(results.path, replace(record, seed=9, **gone))
    out = tmp_path / "out"
    (out / "results" / "old").mkdir(parents=True)
    (out / mteb_folder.MARK).touch()
    (out / "remote").mkdir()  # mteb's own, after download_from_remote()
    (out / ".results.dead.new").mkdir()
    assert mteb_folder.export(Results(results.path, results.track), out).runs == 1
    assert [path.name for path in (out / "results").iterdir()] == ["srlbench__simcse-unsup-tiny-seed-0"]
    assert {path.name for path in out.iterdir()} == {"results", "remote", mteb_folder.MARK, mteb_folder.README}
    page = (out / mteb_folder.README).read_text(encoding="utf-8")
    assert (
        "mteb has no task GenSTS12" in page and "- `srlbench/simcse-unsup-tiny-seed-0`: `simcse-unsup@tiny:0`" in page
    )


@in_a_clone
def test_an_export_that_breaks_leaves_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results, out = recorded(tmp_path / "found", "embedded", "simcse-unsup"), tmp_path / "out"
    mteb_folder.export(results, out)
    before = {path: path.read_bytes() for path in (out / "results").rglob("*") if path.is_file()}
    results.records[1].results[3].pop("task_name")  # the second run cannot be written
    with pytest.raises(ValueError, match="task_name"):
        mteb_folder.export(results, out)
    assert {path: path.read_bytes() for path in out.rglob("*.json")} == before
    assert not list(out.glob(".results*"))


def test_what_is_no_export_is_not_touched(tmp_path: Path, here: Cli) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a").write_text("a")
    done = here("export", "mteb", "--out", "mine")
    assert done.returncode == 2 and "holds something else than an export for mteb" in done.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["a"]
    assert here("export", "mteb", "--out", "mine/a").returncode == 2
    empty = here("export", "mteb", "--out", "new", "--results", "nothing")
    assert empty.returncode == 4 and "no current records" in empty.stderr and not (tmp_path / "new").exists()


def test_no_two_runs_have_the_name_of_one_model() -> None:
    first = made("a-b", 0, 60, backbone="c")
    second = made("a", 0, 60, backbone="b-c", fingerprint="c" * 16)
    hub = made("x+lr=0.1,pool=cls", 3, 60, backbone="org/my__model@" + "0" * 40)
    assert mteb_folder.names([first, second, hub]) == [
        f"srlbench/a-b-c-seed-0-{first.fingerprint}", f"srlbench/a-b-c-seed-0-{'c' * 16}",
        "srlbench/x+lr=0.1,pool=cls-my_model-seed-3",
    ]  # fmt: skip


@in_a_clone
def test_the_verb_says_what_a_reader_must_know(tmp_path: Path, here: Cli) -> None:
    recorded(tmp_path / "found", "small", "bag-random", seeds=[0])
    done = here("export", "mteb", "--track", "small", "--results", "found", "--out", "out")
    assert done.returncode == 0 and done.stdout.startswith("Wrote 2 runs in 30 files to out"), done.stderr
    assert "which is not mteb's own" in done.stderr and "mteb has no task MR, CR, SUBJ" in done.stderr
