"""How long the site of 500 records takes, a hundred recipes at five seeds, and how large it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from srlbench.publish.site import pages

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "site"))
from made_results import record, results

RECIPES, SEEDS = 100, 5


def build(found: Any) -> dict[str, bytes]:
    return dict(pages.files([found], found.definitions))


def test_site_of_500_records(benchmark: Any) -> None:
    runs = [record(f"recipe-{n}", seed, 40.0 + n / 5) for n in range(RECIPES) for seed in range(SEEDS)]
    site = benchmark.pedantic(build, (results(runs),), rounds=2)
    assert len(runs) == 500 and sum(map(len, site.values())) < 8e6
