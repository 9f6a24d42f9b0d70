"""The regression check as other programs read it; what it says is one report in every form."""

from __future__ import annotations

import json
import random
from pathlib import Path
from xml.etree import ElementTree

import pytest
from test_check import CURRENT, GROUPS, NOISY, NOW, STILL, World, checked, verdict

from srlbench.analysis.check import reports
from srlbench.analysis.check.check import check
from srlbench.analysis.check.verdicts import Report, Verdict
from srlbench.errors import StoreError
from srlbench.records import Problem

ODD = "a|b <script>alert(1)</script>\n=cmd `x` \x00\x1b[31m"


@pytest.fixture
def report(tmp_path: Path) -> Report:
    world = World(random.Random(7))
    baseline = world.baseline(tmp_path)
    records = world.runs(3, NOISY[2:] + STILL) + world.runs(3, NOISY[:1], shift=-4.0)
    failed = world.run(NOISY[1], 0, status="failed", error={"type": "RuntimeError", "message": ODD}, scores={})
    return checked([*records, failed], baseline, Problem(tmp_path / "odd.json", "it is no record"))


def cases(text: str) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(text)
    (suite,) = root
    found = {case.attrib["name"]: case for case in suite.iter("testcase")}
    for attribute, tag in {"failures": "failure", "errors": "error", "skipped": "skipped"}.items():
        counted = sum(case.find(tag) is not None for case in found.values())
        assert int(suite.attrib[attribute]) == int(root.attrib[attribute]) == counted
    assert int(suite.attrib["tests"]) == len(found)
    return found


def test_junit_has_a_case_a_recipe_and_is_red_where_the_check_is(report: Report) -> None:
    found = cases(reports.to_junit(report))
    assert found.keys() == {*NOISY, *STILL}
    fall = found["recipe-0"].find("failure")
    assert fall is not None and fall.attrib["type"] == "regressed" and "fell: STS avg" in fall.attrib["message"]
    assert "STS avg" in (fall.text or "") and "margin 0.5" in (fall.text or "")
    broken = found["recipe-1"].find("error")
    assert broken is not None and "<script>" in broken.attrib["message"] and "\x1b" not in broken.attrib["message"]
    assert all(
        not [*case.iter("failure"), *case.iter("error")] for name, case in found.items() if name not in NOISY[:2]
    )
    assert "odd.json" in reports.to_junit(report)


def test_junit_is_red_when_nothing_could_be_compared() -> None:
    report = Report((Verdict("simcse", "tiny", "not comparable", "not run"),))
    found = cases(reports.to_junit(report))
    assert found["simcse"].find("skipped") is not None
    assert found["something to compare"].find("error") is not None
    assert list(reports.to_annotations(report)) == ["::error title=srlbench check::Nothing could be compared."]


def test_annotations_name_the_recipe_and_stay_on_their_line(report: Report) -> None:
    lines = list(reports.to_annotations(report))
    assert [line.partition("title=")[2].partition("::")[0] for line in lines] == [
        "recipe-1@tiny%3A failed", "recipe-0@tiny%3A regressed",
    ]  # fmt: skip
    assert all(line.startswith("::error ") and "\n" not in line for line in lines)
    (odd,) = reports.to_annotations(Report((Verdict("a,b", "c:d", "inconclusive", "100%\nsure"),)))
    assert odd == "::warning title=a%2Cb@c%3Ad%3A inconclusive::100%25%0Asure"


def test_the_page_says_the_same_and_runs_nothing(report: Report) -> None:
    page = reports.to_markdown(report)
    assert "1 failed, 1 regressed, 9 ok (exit 3)" in page
    assert "| regressed | recipe-0 | tiny | fell: STS avg" in page and "## recipe-0@tiny: regressed" in page
    assert "<script>" not in page and "&lt;script&gt;" in page
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {5}


def test_the_files_are_written_and_the_summary_is_added_to(report: Report, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    files = [tmp_path / "deep" / "check.xml", tmp_path / "check.md", tmp_path / "check.json"]
    reports.write(report, files, str(summary))
    assert cases((tmp_path / "deep" / "check.xml").read_text()).keys() == {*NOISY, *STILL}
    assert summary.read_text() == "before\n" + (tmp_path / "check.md").read_text()
    told = json.loads((tmp_path / "check.json").read_text())
    assert told["exit_code"] == report.exit_code
    assert [each["word"] for each in told["verdicts"]] == [verdict.word for verdict in report.verdicts]
    with pytest.raises(StoreError, match="Cannot write"):
        reports.write(report, [], str(tmp_path))


# --- a library that drifts is not a recipe that got worse ----------------------------------------


def worlds(tmp_path: Path, controls: float, recipe: float, now: str = NOW) -> Report:
    """Every control, whose fingerprint is `now`, shifted by so much, and one recipe."""
    world = World(random.Random(3))
    baseline = world.baseline(tmp_path)
    fresh = [
        *world.runs(3, STILL, shift=controls, fingerprint=now),
        *world.runs(3, NOISY[:1], shift=recipe),
        *world.runs(3, NOISY[1:]),
    ]
    return check(fresh, (), baseline, {**CURRENT, **{(name, "tiny"): now for name in STILL}}, GROUPS, STILL)


def test_a_fall_that_the_controls_share_is_a_drift(tmp_path: Path) -> None:
    report = worlds(tmp_path, -2.0, -4.0)
    assert report.exit_code == 1
    assert {v.recipe for v in report.verdicts if v.word == "drifted"} == {*STILL, NOISY[0]}
    assert "a library, the machine or the evaluation changed, not the recipe" in verdict(report, NOISY[0]).reason
    assert "-2.00" in verdict(report, NOISY[0]).reason


def test_a_fall_of_the_recipe_alone_is_its_own(tmp_path: Path) -> None:
    report = worlds(tmp_path, 0.0, -4.0)
    assert [(v.recipe, v.word) for v in report.verdicts if v.word != "ok"] == [(NOISY[0], "regressed")]


def test_a_fall_far_beyond_that_of_the_controls_is_its_own(tmp_path: Path) -> None:
    assert verdict(worlds(tmp_path, -2.0, -30.0), NOISY[0]).word == "regressed"


def test_one_broken_control_is_broken_itself(tmp_path: Path) -> None:
    world = World(random.Random(3))
    baseline = world.baseline(tmp_path)
    fresh = [*world.runs(3, STILL[:1], shift=-2.0), *world.runs(3, STILL[1:]), *world.runs(3, NOISY[:1], shift=-4.0)]
    report = check([*fresh, *world.runs(3, NOISY[1:])], (), baseline, CURRENT, GROUPS, STILL)
    assert {v.recipe for v in report.verdicts if v.word == "regressed"} == {STILL[0], NOISY[0]}


def test_a_control_that_was_changed_itself_excuses_nobody(tmp_path: Path) -> None:
    report = worlds(tmp_path, -2.0, -4.0, now="b" * 16)
    assert {v.word for v in report.verdicts if v.recipe in (*STILL, NOISY[0])} == {"regressed"}
