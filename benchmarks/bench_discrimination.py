"""How long it takes to say how well the published tracks tell recipes apart, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from srlbench.analysis.compare.discrimination import Row, discriminations, to_markdown
from srlbench.analysis.results import with_records

RESULTS = Path(__file__).parents[1] / "results"


def recomputed() -> list[Row]:
    return discriminations(with_records(RESULTS))


def test_discrimination_of_the_published_tracks(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rows = benchmark.pedantic(recomputed, rounds=1)
    for row in rows:
        if row.discrimination and row.average == "sts_avg":
            benchmark.extra_info[f"ICC of {row.track} {row.backbone}"] = row.discrimination.reliability
    with capsys.disabled():
        print(f"\n{to_markdown(rows)}")
