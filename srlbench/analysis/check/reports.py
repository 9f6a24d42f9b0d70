"""The report of the regression check in the formats that other programs read: JUnit, Markdown, JSON, annotations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from srlbench.analysis.check.verdicts import Report, Verdict, summary
from srlbench.analysis.table import Column, Line, Table, texts
from srlbench.errors import NOTHING_COMPARABLE, StoreError
from srlbench.escape import escaped, printable
from srlbench.records import write_text

SUITE = "srlbench check"
FORMATS = (".xml", ".md", ".json")
# What XML 1.0 has no way of writing.
_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LEVELS = {"failed": "error", "regressed": "error", "drifted": "error", "inconclusive": "warning"}


def write(report: Report, paths: Iterable[Path], step_summary: str | None) -> None:
    """Write each file in the format of its suffix, and append the report to GitHub's summary of the step."""
    forms = {".xml": to_junit, ".md": to_markdown, ".json": to_json}
    for path in paths:
        write_text(path, forms[path.suffix](report))
    if step_summary:
        try:
            with open(step_summary, "a", encoding="utf-8", errors="backslashreplace") as page:
                page.write(to_markdown(report))
        except OSError as error:
            raise StoreError(f"Cannot write {step_summary}: {error.strerror}.") from error


def to_junit(report: Report) -> str:
    """One test case for each recipe: a fall is a failure, a failed run an error; what was not compared is skipped."""
    cases = [_case(verdict) for verdict in report.verdicts]
    if report.exit_code == NOTHING_COMPARABLE:
        cases.append(ElementTree.Element("testcase", classname=SUITE, name="something to compare"))
        ElementTree.SubElement(cases[-1], "error", type="not comparable", message="Nothing could be compared.")
    suite = ElementTree.Element("testsuite", name=SUITE, tests=str(len(cases)))
    for attribute, tag in {"failures": "failure", "errors": "error", "skipped": "skipped"}.items():
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.extend(cases)
    if report.notes:
        ElementTree.SubElement(suite, "system-out").text = _writable("\n".join(report.notes))
    root = ElementTree.Element("testsuites", {**suite.attrib})
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(verdict: Verdict) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=f"{SUITE}.{_writable(verdict.backbone)}", name=_writable(verdict.recipe)
    )
    reason = _writable(verdict.reason)
    lines = _writable("\n".join(f"{change.word} {change}" for change in verdict.evidence))
    tag = {"failed": "error", "regressed": "failure", "drifted": "failure", "not comparable": "skipped"}.get(
        verdict.word
    )
    if tag:
        ElementTree.SubElement(case, tag, type=verdict.word, message=reason).text = lines or None
    else:
        ElementTree.SubElement(case, "system-out").text = "\n".join(filter(None, [f"{verdict.word}: {reason}", lines]))
    return case


def to_markdown(report: Report) -> str:
    """The verdicts as a table, then the values that each verdict other than ok rests on."""
    lines = [Line(texts(v.word, v.recipe, v.backbone, v.reason)) for v in report.verdicts]
    columns = [Column(title, "left") for title in ("verdict", "recipe", "backbone", "why")]
    parts = [f"# Regression check\n\n{summary(report)}\n", Table("verdicts", "Verdicts", columns, lines).to_markdown()]
    for verdict in report.verdicts:
        if verdict.evidence:
            parts += [f"\n## {escaped(verdict.name)}: {verdict.word}\n"]
            parts += [f"- {change.word}: {escaped(str(change))}" for change in verdict.evidence]
    parts += [f"\n{escaped(note)}" for note in report.notes]
    return "\n".join(parts) + "\n"


def plain(report: Report) -> dict[str, Any]:
    """The report in JSON's own types."""
    return {
        "exit_code": report.exit_code,
        "summary": summary(report),
        "verdicts": [asdict(verdict) for verdict in report.verdicts],
        "notes": list(report.notes),
    }


def to_json(report: Report) -> str:
    return json.dumps(plain(report), indent=1, ensure_ascii=False) + "\n"


def to_annotations(report: Report) -> Iterator[str]:
    """GitHub's workflow commands: an error or a warning for each recipe that asks for one."""
    for verdict in report.verdicts:
        if level := _LEVELS.get(verdict.word):
            title = _command(f"{verdict.name}: {verdict.word}").replace(":", "%3A").replace(",", "%2C")
            yield f"::{level} title={title}::{_command(verdict.reason)}"
    if report.suspected:
        yield f"::error title=srlbench check::{_command(summary(report))}"
    if report.exit_code == NOTHING_COMPARABLE:
        yield "::error title=srlbench check::Nothing could be compared."


def _command(text: str) -> str:
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
