"""The command line as a user meets it: what it prints, its exit codes, and what it refuses."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import typer
from conftest import Cli
from scipy.stats import spearmanr

import srlbench
from srlbench import records, registry, tracks
from srlbench.analysis import selftest
from srlbench.cli import renamed
from srlbench.errors import UsageError
from srlbench.evaluation.encoders import encoder_folder
from srlbench.tracks import protocol as protocols

RESULTS = Path(srlbench.__file__).parent.parent / "results"
KEPT = ("simcse-unsup", "simcse-sup", "mhs", tracks.load("embedded").control)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A results folder with some of the published records."""
    for kind in ("records", "predictions"):
        for name in KEPT:
            source = RESULTS / "embedded" / "v4" / kind / name
            if source.is_dir():
                shutil.copytree(source, tmp_path / "kept" / "embedded" / "v4" / kind / name)
    return tmp_path / "kept"


def said_once(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    """One sentence of error on stderr, the right code, no traceback."""
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    errors = [line for line in done.stderr.splitlines() if line.startswith(("Error:", "Usage"))]
    assert len(errors) == 1, done.stderr
    for word in words:
        assert word in done.stderr


def test_list_is_quick_and_complete(cli: Cli) -> None:
    start = time.perf_counter()
    done = cli("list", "--json")
    assert time.perf_counter() - start < 10  # under 1 s on an idle machine; tests share theirs
    kinds = json.loads(done.stdout)
    parts = {"losses", "augmentations", "rewrites", "companions", "posts"}
    assert set(kinds) == {"recipes", "tracks", "tasks", "backbones", *parts}
    assert all(kinds[part] and all(kinds[part].values()) for part in parts)
    assert set(kinds["recipes"]) == set(registry.recipes())
    assert len(kinds["tasks"]) == 14
    for kind in kinds:
        assert kind in cli("list", kind).stdout


def test_show_tells_every_setting(cli: Cli) -> None:
    about = json.loads(cli("show", "simcse-unsup", "--json").stdout)
    assert about["backbones"]["tiny"]["loss"] == {"name": "info_nce", "temperature": 0.05}
    assert len(about["backbones"]["tiny"]["fingerprint"]) == 16
    assert about["reported"]["paper/google-bert/bert-base-uncased"]["sts_avg"] == 76.25


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ["run", "simcse-unsop"],
            ["Unknown recipe 'simcse-unsop'", "Did you mean 'simcse-unsup'?", "Known:"],
        ),
        (["run", "--all", "--track", "embeded"], ["Unknown track", "Did you mean 'embedded'?"]),
        (["run", "--all", "--seeds", "x"], ["--seeds 'x'", "0-4"]),
        (["run", "--all", "--seeds", "4-1"], ["backwards"]),
        (["run"], ["--all"]),
        (["run", "simcse-unsup", "--all"], ["one of the two"]),
        (["run", "--all", "--backbone", "nosuch"], ["Unknown backbone 'nosuch'"]),
        (["run", "--all", "--backbone", "org/name@main"], ["not pinned"]),
        (["run", "--all", "--recipes", "nosuch.py"], ["No recipe file at nosuch.py"]),
        (["show", "nosuch"], ["Unknown recipe 'nosuch'"]),
        (["list", "recipe"], ["Unknown kind 'recipe'", "Did you mean 'recipes'?"]),
        (["evaluate", "nosuch", "--tasks", "STS11"], ["Unknown task of protocol simcse 'STS11'", "Did you mean 'STS1"]),
        (["evaluate", "nosuch", "--protocol", "mtep"], ["Unknown protocol 'mtep'", "Did you mean 'mteb'"]),
        (["evaluate", "nosuch", "--probe", "adam"], ["Unknown probe 'adam'", "converged"]),
        (["evaluate", "nosuch"], ["'nosuch' is no encoder"]),
        (["evaluate", "tiny"], ["plain transformers model", "--pool cls"]),
        (["evaluate", "tiny", "--pool", "mean", "--data", "nosuch"], ["There is no folder or archive at nosuch"]),
        (["compare", "nosuch.json", "mhs"], ["Cannot read nosuch.json"]),
        (["data", "path", "--data", "nosuch"], ["There is no folder or archive at nosuch"]),
        (["check", "--baseline", "nosuch.toml"], ["no baseline at nosuch.toml"]),
        (["pretrain", "out", "--corpus", "nosuch.txt"], ["no corpus file at nosuch.txt"]),
    ],
)
def test_bad_input_gets_one_sentence(cli: Cli, args: list[str], words: list[str]) -> None:
    said_once(cli(*args), 2, *words)


def test_a_wrong_flag_value_is_usage(cli: Cli) -> None:
    done = cli("run", "--all", "--jobs", "0")
    assert done.returncode == 2
    assert "--jobs" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", ["registers no recipe"]),
        ("def of nothing:", ["cannot be read", "SyntaxError"]),
        (
            "from srlbench.recipe import *\n@recipe()\ndef simcse_unsup():\n    return Recipe()",
            ["exists already"],
        ),
        (
            "from srlbench.recipe import *\n@recipe()\ndef odd():\n    return Recipe(pool='min')",
            ["pool", "'min'"],
        ),
        (
            "from srlbench.recipe import *\n@recipe()\ndef odd():\n    return Recipe(data='twins')",
            ["go together"],
        ),
        (
            "from srlbench.recipe import *\n@recipe()\ndef odd():\n"
            "    return Recipe(data='twins', loss=Loss('infonce'))",
            ["Unknown loss 'infonce'", "Did you mean 'info_nce'?"],
        ),
    ],
)
def test_a_bad_recipe_file_gets_one_sentence(cli: Cli, tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    said_once(cli("run", "--all", "--recipes", "mine.py"), 2, *words)


def test_a_results_folder_that_cannot_be_written_is_said_before_training(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file", encoding="utf-8")
    start = time.perf_counter()
    said_once(cli("run", "bag-random", "--results", "results"), 3, "Cannot", "results")
    assert time.perf_counter() - start < 5


def test_help_shows_examples_and_groups(cli: Cli) -> None:
    shown = cli("run", "--help").stdout
    for words in ("Examples:", "What to run", "How it is run", "Where it is kept"):
        assert words in shown


def test_debug_shows_the_traceback(cli: Cli) -> None:
    done = cli("--debug", "show", "nosuch")
    assert done.returncode == 2 and "Traceback" in done.stderr


def test_without_ray_its_engine_says_what_to_install(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['ray'] = None\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = cli("run", "bag-random", "--engine", "ray", env={"PYTHONPATH": path})
    assert done.returncode == 2 and "pip install 'srlbench[ray]'" in done.stderr and "Traceback" not in done.stderr
    assert cli("run", "bag-random", "--dry-run", env={"PYTHONPATH": path}).returncode == 0


# --- spellings of an earlier version ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("baseline --accept why --output b.toml", "check --accept why --out b.toml"),
        ("--debug baseline --accept=why --output=b.toml", "--debug check --accept=why --out=b.toml"),
        ("agree small --results r", "compare --with-track small --results r"),
        ("agree --results r --track embedded small", "compare --results r --track embedded --with-track small"),
        ("compact m --out d", "shrink m --out d"),
        ("diagnose dynamics simcse-unsup --out d.svg", "plot dynamics simcse-unsup --out d.svg"),
        ("diagnose maps --cells 5", "plot maps --cells 5"),
        ("evaluate m --json a.json --csv a.csv", "evaluate m --out a.json --out a.csv"),
        ("evaluate m --json=a.json", "evaluate m --out=a.json"),
        ("check --junit a.xml --markdown a.md", "check --out a.xml --out a.md"),
        ("publish --to site", "publish --out site"),
    ],
)
def test_an_old_spelling_is_read_as_today(old: str, new: str) -> None:
    assert renamed.today(shlex.split(old)) == shlex.split(new)


@pytest.mark.parametrize(
    "line",
    ["", "--version", "check --accept why --out b.toml", "evaluate m --json", "evaluate --json m --out a.json",
     "compare a.json b.json --json", "diagnose words maps --json", "list --json", "run baseline"],
)  # fmt: skip
def test_todays_spelling_is_left_alone(line: str) -> None:
    assert renamed.today(shlex.split(line)) == shlex.split(line)


def test_an_old_spelling_works_with_one_note(here: Cli, kept: Path, tmp_path: Path) -> None:
    done = here("baseline", "--accept", "so it is", "--results", kept, "--output", "b.toml")
    assert done.returncode == 0, done.stderr
    assert 'reason = "so it is"' in (tmp_path / "b.toml").read_text()
    assert done.stderr.count("Note:") == 1
    old = f"srlbench baseline --accept 'so it is' --results {kept} --output b.toml"
    new = f"srlbench check --accept 'so it is' --results {kept} --out b.toml"
    assert f"Note: `{old}` is now `{new}`." in done.stderr
    told = here("agree", "small", "--results", RESULTS)
    assert told.returncode == 0 and "Spearman" in told.stdout and told.stderr.count("Note:") == 1


# --- one record -------------------------------------------------------------------------------------


def test_show_tells_all_of_one_run(here: Cli, kept: Path) -> None:
    done = here("show", "simcse-unsup@tiny:0", "--results", kept)
    (path,) = kept.glob("embedded/v4/records/simcse-unsup/tiny/*/seed-0.json")
    record = records.read(path)
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    for words in (
        "simcse-unsup@tiny:0 ok", f"{record.fingerprint} (current)", record.weights_sha256, record.command,
        f"GenSTS12 {record.scores['GenSTS12']:.2f}", "STS avg", "transfer avg", "peak memory", "torch", "threads",
        f"train {record.timings['train_s']:.0f} s", "batch_size 64",
    ):  # fmt: skip
        assert words is not None and words in shown, words
    for same in ("simcse-unsup:0", "simcse-unsup/tiny/seed-0"):
        assert here("show", same, "--results", kept).stdout == done.stdout
    assert "simcse-unsup@tiny:0" in here("show", path).stdout
    assert json.loads(here("show", path, "--json").stdout) == json.loads(path.read_text())


def test_show_says_why_a_run_failed(here: Cli, kept: Path) -> None:
    good = records.scan(kept, "embedded", 4).records[0]
    error = {"type": "ZeroDivisionError", "message": "a bug", "traceback": "Traceback (most recent call last):\n  [x]"}
    broken = {"status": "failed", "scores": {}, "weights_sha256": None, "error": error}
    failed = records.Record(**{**vars(good), **broken, "seed": 8})
    records.write(kept, failed)
    done = here("show", f"{failed.recipe}:8", "--results", kept)
    assert done.returncode == 0, done.stderr
    assert "ZeroDivisionError: a bug" in done.stdout and "[x]" in done.stdout
    assert "is recorded as failed only" in done.stderr and "--seeds 8" in done.stderr


def test_show_tells_a_stale_record_and_its_other_versions(here: Cli, kept: Path) -> None:
    good = next(r for r in records.scan(kept, "embedded", 4).records if r.recipe == "simcse-unsup" and r.seed == 0)
    old = records.Record(**{**vars(good), "fingerprint": "0" * 16})
    there = here("show", records.write(kept, old), "--results", kept)
    assert f"stale: today it would be {good.fingerprint}" in there.stdout
    done = here("show", "simcse-unsup:0", "--results", kept)
    assert f"{good.fingerprint} (current)" in done.stdout and f"{'0' * 16} (ok)" in done.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("simcse-unsup@tiny", ["is 5 runs: simcse-unsup@tiny:0, ", "Say which"]),
        ("simcse-unsup@tiny:9", ["no seed 9 of 'simcse-unsup@tiny', only 0, 1, 2, 3, 4"]),
        ("simcse-unsop@tiny:0", ["Unknown run 'simcse-unsop@tiny:0'", "Did you mean 'simcse-unsup@tiny:0'?"]),
        ("simcse-unsup@mini:0", ["not recorded on track embedded, but on small", "--track"]),
        ("pyproject.json", ["Cannot read pyproject.json"]),
    ],
)
def test_show_of_an_unknown_run_is_one_sentence(cli: Cli, name: str, words: list[str]) -> None:
    said_once(cli("show", name, "--results", RESULTS), 3 if name.endswith(".json") else 2, *words)


def test_show_without_any_record_says_what_makes_some(cli: Cli) -> None:
    said_once(cli("show", "simcse-unsup@tiny:0"), 2, "There are no records of track embedded", "`srlbench run --all`")


# --- one grammar for runs and tasks -----------------------------------------------------------------


@pytest.fixture
def encoders(tmp_path: Path) -> Path:
    """A results folder with the places of encoders, but no weights."""
    for track, recipe, backbone, seed in (
        ("embedded", "simcse-unsup", "tiny", 0), ("embedded", "simcse-unsup", "tiny", 1),
        ("embedded", "simcse-unsup+pool=max", "tiny", 0), ("paper", "mhs", "org%2Fbert@abc", 0),
    ):  # fmt: skip
        place = tmp_path / "r" / track / "v1" / "encoders" / recipe / backbone / "0123456789abcdef" / f"seed-{seed}"
        place.mkdir(parents=True)
        (place / "modules.json").write_text("[]")
    return tmp_path / "r"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("simcse-unsup@tiny:1", "simcse-unsup/tiny/0123456789abcdef/seed-1"),
        ("simcse-unsup:1", "simcse-unsup/tiny/0123456789abcdef/seed-1"),
        ("simcse-unsup/tiny/seed-1", "simcse-unsup/tiny/0123456789abcdef/seed-1"),
        ("simcse-unsup/seed-0", "simcse-unsup/tiny/0123456789abcdef/seed-0"),
        ("simcse-unsup+pool=max", "simcse-unsup+pool=max/tiny/0123456789abcdef/seed-0"),
        ("simcse-unsup+pool=max/tiny", "simcse-unsup+pool=max/tiny/0123456789abcdef/seed-0"),
        ("mhs@org/bert@abc:0", "mhs/org%2Fbert@abc/0123456789abcdef/seed-0"),
        ("mhs/org/bert@abc/seed-0", "mhs/org%2Fbert@abc/0123456789abcdef/seed-0"),
    ],
)
def test_an_encoder_is_found_by_the_address_of_its_run(encoders: Path, name: str, place: str) -> None:
    found = encoder_folder(name, encoders)
    assert found.endswith(f"encoders/{place}")
    if len(list(Path(found).parent.iterdir())) == 1:
        assert encoder_folder(str(Path(found).parent), Path("nowhere")) == found


def test_what_is_no_run_is_left_for_the_hub(encoders: Path) -> None:
    for name in ("org/model", "org/model@main", "bert-base-uncased@abc", "simcse-sup"):
        assert encoder_folder(name, encoders) == name
    assert encoder_folder("tiny", encoders).endswith("tiny")


def test_an_address_without_an_encoder_says_why(encoders: Path) -> None:
    with pytest.raises(UsageError, match="'simcse-unsup' is 2 encoders: simcse-unsup@tiny:0, simcse-unsup@tiny:1"):
        encoder_folder("simcse-unsup", encoders)
    with pytest.raises(UsageError, match="no seed 7 of 'simcse-unsup@tiny', only 0, 1"):
        encoder_folder("simcse-unsup@tiny:7", encoders)
    with pytest.raises(UsageError, match="Did you mean 'simcse-unsup@tiny:0'"):
        encoder_folder("simcse-unsp@tiny:0", encoders)
    with pytest.raises(UsageError, match=r"is recorded in .*, but its encoder was not kept"):
        encoder_folder("simcse-sup@tiny:0", RESULTS)
    again = encoders / "embedded" / "v1" / "encoders" / "simcse-unsup" / "tiny" / ("f" * 16) / "seed-0"
    again.mkdir(parents=True)
    (again / "modules.json").write_text("[]")
    with pytest.raises(UsageError, match=r"is 2 encoders: .*/0123456789abcdef/seed-0.* Name one of their folders"):
        encoder_folder("simcse-unsup:0", encoders)


@pytest.mark.parametrize(
    ("protocol", "text", "task"),
    [
        ("simcse", "STS-B", "STSBenchmark"),
        ("simcse", "stsb", "STSBenchmark"),
        ("simcse", "STSBenchmark", "STSBenchmark"),
        ("simcse", "sts12", "STS12"),
        ("simcse", "SICK", "SICK-R"),
        ("simcse", "sickr", "SICK-R"),
        ("simcse", "SST-2", "SST2"),
        ("simcse", "Subj", "SUBJ"),
        ("generated", "STS-B", "GenSTSB"),
        ("generated", "STSBenchmark", "GenSTSB"),
        ("generated", "gen-sick-r", "GenSICK-R"),
        ("generated", "mrpc", "GenMRPC"),
    ],
)
def test_a_task_has_the_names_that_the_field_gives_it(protocol: str, text: str, task: str) -> None:
    assert [*protocols.load(protocol).only([text]).tasks] == [task]


def test_a_task_of_generated_text_is_not_taken_for_the_real_one() -> None:
    with pytest.raises(UsageError, match=r"Unknown task of protocol simcse 'GenSTS12'. Did you mean 'STS12'"):
        protocols.load("simcse").only(["GenSTS12"])


# --- what --json prints and --out writes -------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "list", "show simcse-unsup", "leaderboard", "compare simcse-sup simcse-unsup", "compare", "claims", "check",
        "run simcse-unsup --seeds 0-5 --dry-run", "run simcse-unsup --seeds 0",
        "sweep simcse-unsup --set temperature=0.1,0.2 --dry-run", "tune simcse-unsup --dry-run",
    ],
)  # fmt: skip
def test_json_is_all_that_is_printed(here: Cli, kept: Path, line: str) -> None:
    where = [] if line.split()[0] in ("list", "show") else ["--results", kept]
    done = here(*line.split(), *where, "--json")
    assert json.loads(done.stdout), done.stderr
    assert done.returncode in (0, 4) and "Error" not in done.stderr


@pytest.mark.slow
def test_doctor_checks_the_numbers_too(here: Cli) -> None:
    done = here("doctor", "--deep", "--json")
    found = {each["name"]: each for each in json.loads(done.stdout)}
    assert done.returncode == 0 and {f"known score of {name}" for name in selftest.KNOWN} < found.keys()
    assert "GenSTSB and GenTREC are what mteb says" in found["scores computed again"]["about"]
    assert found["published run"]["about"].startswith("simcse-unsup@tiny:0 again: ")


def test_doctor_finds_numbers_that_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = {"GenSTSB": 30.0, "GenTREC": 50.0}
    predicted = {"GenSTSB": [0.1, 0.2, 0.3, 0.2], "GenTREC": [1, 0]}
    gold = {"GenSTSB": [1.0, 2.0, 5.0, 0.0], "GenTREC": [1, 1]}
    monkeypatch.setattr(selftest, "untrained", lambda name: name)
    monkeypatch.setattr(selftest, "scores_of", lambda model, *tasks: (right, predicted, gold))
    monkeypatch.setattr(selftest, "KNOWN", {"tiny": 30.01, "mini": 31.0})
    monkeypatch.setattr(records, "published_results", lambda: Path("nowhere"))
    found = {name: (good, said) for name, good, said in selftest.examine()}
    assert found["known score of tiny"][0] and not found["known score of mini"][0]
    assert found["scores computed again"] == (
        False, "GenSTSB is 63.245553 when it is computed again, and mteb says 30.000000."
    )  # fmt: skip
    assert found["published run"] == (False, "There are no records of track embedded v4 in nowhere.")
    right["GenSTSB"] = 100 * spearmanr(predicted["GenSTSB"], gold["GenSTSB"]).statistic
    assert selftest._again() == "GenSTSB and GenTREC are what mteb says"


def test_doctor_prints_json(here: Cli) -> None:
    done = here("doctor", "--json")
    assert done.returncode == 0, done.stdout
    assert {"python", "backbone tiny", "determinism"} <= {each["name"] for each in json.loads(done.stdout)}


def test_a_plan_as_json_has_every_run(here: Cli, kept: Path) -> None:
    done = here("run", "simcse-unsup", "--seeds", "3-5", "--results", kept, "--dry-run", "--json")
    assert [(each["seed"], each["state"]) for each in json.loads(done.stdout)["runs"]] == [
        (3, "done"), (4, "done"), (5, "to do"),
    ]  # fmt: skip


def test_out_writes_each_format_by_its_suffix(here: Cli, kept: Path, tmp_path: Path) -> None:
    names = [word for suffix in (".csv", ".md", ".json") for word in ("--out", f"table{suffix}")]
    done = here("leaderboard", "--results", kept, *names)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "table.csv").read_bytes() == (kept / "embedded/v4/leaderboard.csv").read_bytes()
    assert "| simcse-sup | tiny |" in (tmp_path / "table.md").read_text()
    printed = json.loads(here("leaderboard", "--results", kept, "--json").stdout)
    assert json.loads((tmp_path / "table.json").read_text()) == printed
    done = here("compare", "simcse-sup", "simcse-unsup", "--results", kept, "--out", "c.md", "--out", "c.json")
    assert done.returncode == 0 and "simcse-unsup" in (tmp_path / "c.md").read_text(), done.stderr
    assert len(json.loads((tmp_path / "c.json").read_text())["comparisons"]) == 16
    done = here("check", "--results", kept, "--out", "deep/c.xml", "--out", "c.md")
    assert (
        "<testsuite" in (tmp_path / "deep/c.xml").read_text()
        and "# Regression check" in (tmp_path / "c.md").read_text()
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("leaderboard --out table.docx", ["Cannot write table.docx", ".csv or .md"]),
        ("compare --out c.csv", ["Cannot write c.csv", ".md or .tex or .json"]),
        ("check --out c.csv", ["Cannot write c.csv", ".xml or .md or .json"]),
        ("check --accept why --out b.json", ["Cannot write b.json", ".toml"]),
        ("check --accept why --json", ["--accept compares nothing"]),
        ("check --accept why --out a.toml --out b.toml", ["one baseline"]),
        ("evaluate tiny --pool mean --out a.txt", ["Cannot write a.txt", ".json or .csv"]),
        ("compare --with-track small simcse-sup", ["compares two tracks"]),
        ("publish", ["--out DIR for a site"]),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_the_work(here: Cli, line: str, words: list[str]) -> None:
    said_once(here(*line.split()), 2, *words)


# --- two files of evaluate ---------------------------------------------------------------------------


@pytest.fixture
def scored(here: Cli, tmp_path: Path) -> Path:
    asked = ("--pool", "mean", "--protocol", "generated", "--tasks", "STS12")
    done = here("evaluate", "tiny", *asked, "--json", "a.json", "--csv", "a.csv")  # as in an earlier version
    assert done.returncode == 0 and done.stderr.count("Note:") == 1, done.stderr
    assert (tmp_path / "a.csv").read_text().startswith("model,protocol,probe,GenSTS12")
    done = here("evaluate", "tiny", "--pool", "max", *asked[2:], "--out", "b.json", "--json")
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "b.json").read_text())
    assert json.loads(done.stdout) | {"predictions": "b.npz"} == written and (tmp_path / "b.npz").is_file()
    return tmp_path


def test_two_files_of_evaluate_are_compared_task_by_task(here: Cli, scored: Path) -> None:
    a, b = (json.loads((scored / name).read_text())["scores"]["GenSTS12"] for name in ("a.json", "b.json"))
    done = here("compare", "a.json", "b.json", "--json", "--out", "d.md", "--out", "d.json")
    (found,) = json.loads(done.stdout)
    assert found["tasks"] == {"GenSTS12": {"system": a, "against": b, "difference": a - b}} and a != b
    assert json.loads((scored / "d.json").read_text()) == [found]
    assert f"| GenSTS12 | {a:.2f} | {b:.2f} | {a - b:+.2f} |" in (scored / "d.md").read_text()
    assert f"{a - b:+.2f}" in here("compare", "a.json", "b.json").stdout
    old = here(
        "evaluate", "tiny", "--pool", "mean", "--protocol", "generated", "--tasks", "STS12", "--compare", "b.json"
    )
    assert f"{a - b:+.2f}" in old.stdout and "`srlbench compare MINE.json b.json`" in old.stderr
    assert old.stderr.count("Note:") == 1


def test_files_of_evaluate_are_compared_with_nothing_else(here: Cli, scored: Path, kept: Path) -> None:
    (path,) = kept.glob("embedded/v4/records/simcse-unsup/tiny/*/seed-0.json")
    for others in (["simcse-sup"], [path], [], ["simcse-sup", "mhs"]):
        said_once(here("compare", "a.json", *others, "--results", kept), 2, "a.json is a file of `srlbench evaluate`")
    said_once(here("compare", "a.json", "b.json", "a.json"), 2, "Two are compared at a time")
    other = json.loads((scored / "b.json").read_text()) | {"protocol": "mteb", "probe": None}
    (scored / "b.json").write_text(json.dumps(other))
    said_once(here("compare", "a.json", "b.json"), 2, "Nothing to compare: a.json is of protocol generated", "mteb")


# --- what nobody foresaw -----------------------------------------------------------------------------


def test_a_bug_is_one_sentence_and_exit_code_70(here: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("srlbench.cli.registered.listing", broken)
    done = here("list", "recipes")
    said_once(
        done, 70, "a bug in srlbench (ZeroDivisionError: by nothing)", "`srlbench --debug list recipes`", "report"
    )
    debugged = here("--debug", "list", "recipes")
    assert debugged.returncode == 70 and "Traceback" in debugged.stderr and "in broken" in debugged.stderr
    assert here("list", "nosuch", "--json").returncode == 70


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt(), 130), (SystemExit(5), 5), (typer.Exit(4), 4)])
def test_other_ends_keep_their_codes(
    here: Cli, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int
) -> None:
    def ends(*_: object) -> None:
        raise raised

    monkeypatch.setattr("srlbench.cli.registered.listing", ends)
    done = here("list")
    assert done.returncode == code and "Traceback" not in done.stderr and "bug" not in done.stderr
