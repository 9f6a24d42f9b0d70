"""A record says exactly what is wrong with it, and comes back from JSON as it went."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import pytest

from srlbench.records import NewerSchema, Record, RecordError
from srlbench.records import schema as module

GOOD: dict[str, Any] = {
    "status": "ok",
    "track": "embedded",
    "track_version": 1,
    "protocol": "simcse",
    "recipe": "simcse-unsup",
    "backbone": "tiny",
    "seed": 0,
    "fingerprint": "0123456789abcdef",
    "weights_sha256": "ab" * 32,
    "scores": {"GenSTS12": 61.23456789012345, "GenMR": 1 / 3},
    "results": [{"task_name": "GenSTS12", "scores": {"test": [{"main_score": 0.6}]}}],
    "asked": {"name": "simcse-unsup", "overrides": {}},
    "timings": {"train": 12.5},
}


def changed(**changes: Any) -> str:
    content = json.loads(Record(**GOOD).to_json())
    content.update(changes)
    return json.dumps(content)


def test_a_record_comes_back_digit_for_digit() -> None:
    record = Record(**GOOD)
    assert Record.from_json(record.to_json()) == record
    assert Record.from_json(record.to_json().encode()).to_json() == record.to_json()
    assert next(iter(json.loads(record.to_json()))) == "schema"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": "0"}, "'seed' is '0', not a whole number"),
        ({"seed": True}, "'seed' is True"),
        ({"seed": -1}, "seed -1"),
        ({"track": ""}, "'track' is '', which is no name"),
        ({"recipe": "../x"}, "'recipe' is '../x'"),
        ({"fingerprint": "xyz"}, "'fingerprint' is 'xyz', not 16 hexadecimal digits"),
        ({"status": "done"}, "'status' is 'done'"),
        ({"scores": {}}, "no scores"),
        ({"scores": {"GenMR": None}}, "the score of GenMR is None, not a number"),
        ({"scores": {"GenMR": 612.3}}, "the score of GenMR is 612.3, not a percentage"),
        ({"scores": {"GenMR": 10**400}}, "not a percentage"),
        ({"scores": []}, "'scores' is [], not an object"),
        ({"status": "failed"}, "a failed record needs an 'error'"),
        ({"error": {"type": "x", "message": "y"}}, "an ok record carries an 'error'"),
        ({"timings": {"train": "long"}}, "'timings' of 'train'"),
        ({"extra": 1}, "has unknown 'extra'"),
        ({"schema": 0}, "'schema' is 0, not a version number"),
        ({"schema": "1"}, "'schema' is '1'"),
    ],
)
def test_wrong_content_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordError) as caught:
        Record.from_json(changed(**changes))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "empty"),
        (Record(**GOOD).to_json()[:200], "not valid JSON (line"),
        (b"\xff\xfe\x00", "not"),
        ("[]", "not an srlbench record"),
        ('{"accuracy": 1}', "not an srlbench record (no 'schema')"),
        ('{"schema": 1}', "lacks 'asked'"),
        ('{"schema": 1, "x": NaN}', "NaN is not a JSON number"),
        ("[" * 100_000, "nested too deeply"),
        ('{"schema": 1, "seed": ' + "9" * 5000 + "}", "a number without end"),
    ],
)
def test_what_is_no_record_is_told_apart(text: str | bytes, said: str) -> None:
    with pytest.raises(RecordError) as caught:
        Record.from_json(text)
    assert said in str(caught.value)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_no_record_is_made_of_a_score_that_is_no_number(score: float) -> None:
    with pytest.raises(RecordError, match="GenMR"):
        Record(**(GOOD | {"scores": {"GenMR": score}}))


def test_stray_values_beside_the_scores_do_not_cost_the_record() -> None:
    odd = {"loss": float("nan"), "count": np.int64(3), "norms": np.array([1.0, np.inf]), "views": (1, 2)}
    odd |= {"on": datetime.date(2026, 1, 2), "f": np.float64("nan")}
    training = json.loads(Record(**(GOOD | {"training": odd})).to_json())["training"]
    assert training == {
        "loss": None, "count": 3, "norms": [1.0, None], "views": [1, 2], "on": "2026-01-02", "f": None,
    }  # fmt: skip
    with pytest.raises(RecordError, match=r"'training\.model' holds a object"):
        Record(**(GOOD | {"training": {"model": object()}})).to_json()


def test_a_newer_schema_asks_for_an_upgrade() -> None:
    with pytest.raises(NewerSchema, match=r"newer srlbench .* upgrade srlbench"):
        Record.from_json(changed(schema=99))


def test_an_older_schema_is_migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.loads(changed(schema=module.SCHEMA))
    content["stream"] = content.pop("command")
    monkeypatch.setattr(module, "SCHEMA", module.SCHEMA + 1)
    with pytest.raises(RecordError, match=f"schema {module.SCHEMA - 1} is no longer readable"):
        Record.from_json(json.dumps(content))
    monkeypatch.setitem(
        module.MIGRATIONS, module.SCHEMA - 1, lambda old: {**old, "command": old.pop("stream"), "schema": 0}
    )
    assert module.migrate(content)["schema"] == module.SCHEMA


def test_a_record_of_schema_1_keeps_all_but_phases() -> None:
    content = json.loads(changed(schema=1))
    del content["predictions_sha256"]
    content["results"] = [{"task_name": "A", "evaluation_phases": [{"start": 0}], "kg_co2_emissions": None}, "odd"]
    found = Record.from_json(json.dumps(content))
    assert found.results == [{"task_name": "A"}, "odd"] and found.predictions_sha256 is None
    assert found.scores == content["scores"] and found.schema == 2
