"""The README.md of what is published on the Hub: a dataset of tables and records, and an encoder with its results."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from srlbench import backbones
from srlbench.analysis.table import Column, Line, Table, number, texts
from srlbench.data import mirror
from srlbench.escape import code, escaped
from srlbench.records import Record
from srlbench.stats import average, label, with_averages
from srlbench.tracks import Track

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

DATASET = """
# srlbench: track {title} v{version}

{summary}
Recipes of sentence-representation learning, trained under fixed seeds and scored by one protocol. The tables are
views of the records; the records and the predictions carry scores, settings, hashes and versions, and no sentence of
any data set.

In {root}:

- `leaderboard.csv`: the leaderboard in full precision, a row a recipe, backbone and fingerprint
- `records/`: the facts, one JSON file a run that went well
- `references/`: encoders that were trained elsewhere, scored in the same way, if there are any
- `predictions/`: what each run predicted for every item
- `protocol.toml` and `track.toml`: the rules, that is tasks with their pinned rows, training text, budget, seeds

The folders are those of a results folder, so that every view can be made again from the records:

```
hf download {repository} --repo-type dataset --local-dir results
srlbench leaderboard --track {track} --results results
```

{board}"""
MODEL = """
# {recipe} on {backbone}, seed {seed}

A sentence encoder trained by srlbench on track {track} v{version}. It is one seed of a recipe: the mean over seeds and
their spread are in the [leaderboard]({board}).

```python
{loading}
```

{facts}

## Scores

{scores}

Percentages of this very run, protocol {protocol}, from its [record]({record}). The metadata above
has them as fractions, unrounded.

## The recipe

As the track resolved it:

```json
{resolved}
```
"""
TASKS = {
    "sts": ("semantic-similarity", "Semantic Similarity"),
    "classification": ("text-classification", "Classification of embeddings"),
    "pair-classification": ("text-classification", "Classification of pairs of embeddings"),
}


def of_dataset(rules: Track, board: str, sweeps: Sequence[str], repository: str) -> str:
    """board: the leaderboard's own page; sweeps: paths of their CSV files in the repository."""
    from huggingface_hub import DatasetCardData

    root = f"{rules.name}/v{rules.version}"
    configs: list[dict[str, Any]] = [
        {"config_name": "leaderboard", "data_files": f"{root}/leaderboard.csv", "default": True},
        *({"config_name": path.rpartition("/")[2].removesuffix(".csv"), "data_files": path} for path in sweeps),
    ]
    about = DatasetCardData(
        language=["en"],
        license="apache-2.0",
        pretty_name=f"srlbench {rules.name} v{rules.version}",
        tags=["srlbench", "sentence-embeddings", "benchmark", "leaderboard"],
        configs=configs,
    )
    text = DATASET.format(
        title=escaped(rules.name),
        track=shlex.quote(" ".join(rules.name.split())),
        version=rules.version,
        root=code(root),
        summary=escaped(rules.summary),
        repository=repository,
        board=board.replace("# Leaderboard", "## Leaderboard", 1).replace("\n## ", "\n### "),
    )
    return f"---\n{about.to_yaml()}\n---\n{text}"


def of_model(record: Record, rules: Track, modules: Sequence[str], repository: str, tables: str, path: str) -> str:
    """modules: the classes it is made of; tables: the URL of the dataset; path: of the record there."""
    from huggingface_hub import ModelCardData

    there = f"{tables}/blob/main/{quote(path)}"
    board = f"{tables}/blob/main/{quote(f'{rules.name}/v{rules.version}')}/leaderboard.md"
    pinned = re.fullmatch(r"([\w.-]+/[\w.-]+)@[0-9a-f]{40}", record.backbone)
    about = ModelCardData(
        language="en",
        license="apache-2.0" if _shipped(record) else None,  # of the weights it was trained from, if known
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "sentence-similarity", "feature-extraction", "srlbench"],
        base_model=pinned[1] if pinned else None,
        datasets=[mirror.REPOSITORY] if rules.source == "simcse" else None,
        model_name=f"{record.recipe} on {record.backbone}, seed {record.seed}",
        eval_results=_results(record, rules, there),
    )
    text = MODEL.format(
        recipe=escaped(record.recipe),
        backbone=escaped(record.backbone),
        seed=record.seed,
        track=escaped(rules.name),
        version=rules.version,
        board=board,
        record=there,
        loading=_loading(repository, modules),
        facts=_facts(record, rules),
        scores=_scores(record, rules),
        protocol=code(record.protocol),
        resolved=json.dumps(record.resolved, indent=1, ensure_ascii=False),
    )
    return f"---\n{about.to_yaml()}\n---\n{text}"


def _results(record: Record, rules: Track, source: str) -> list[EvalResult]:
    """A result a task, in the Hub's form; each names its record as the source."""
    from huggingface_hub import EvalResult

    found = []
    real = rules.protocol.source == "senteval"
    for name, rule in rules.protocol.tasks.items():
        if name in record.scores:
            metric, spelled = _metric(rules, name)
            found.append(
                EvalResult(
                    task_type=TASKS[rule.kind][0],
                    task_name=TASKS[rule.kind][1],
                    dataset_type=mirror.REPOSITORY if real else f"srlbench-{rules.protocol.name}",
                    dataset_name=name,
                    dataset_config=name,
                    dataset_split="test",
                    dataset_revision=mirror.REVISION if real else record.data.get(name),
                    metric_type=metric,
                    metric_name=spelled,
                    metric_value=record.scores[name] / 100,
                    source_name="srlbench",
                    source_url=source,
                )
            )
    return found


def _metric(rules: Track, task: str) -> tuple[str, str]:
    """The Hub's name of what the task is scored by, and how it is spelled."""
    similar = rules.protocol.tasks[task].kind == "sts"
    return ("spearman_cosine", "Spearman Cosine") if similar else ("accuracy", "Accuracy")


def _loading(repository: str, modules: Sequence[str]) -> str:
    """The lines that load it; sentence-transformers takes modules of srlbench for foreign."""
    lines = [
        "from sentence_transformers import SentenceTransformer",
        "",
        f'model = SentenceTransformer("{repository}")',
    ]
    if any(name.startswith("srlbench.") for name in modules):
        lines = ["from srlbench.evaluation.external import load", "", f'model, _ = load("{repository}", None)']
    return "\n".join([*lines, 'vectors = model.encode(["A cat sat down.", "Some cat was sitting."])'])


def _shipped(record: Record) -> bool:
    return record.backbone in backbones.names()


def _facts(record: Record, rules: Track) -> str:
    packages = record.environment.get("packages", {})
    made_with = ("srlbench", "torch", "sentence-transformers")
    versions = ", ".join(f"{name} {packages[name]}" for name in made_with if name in packages)
    rows = {
        "recipe": code(record.recipe),
        "backbone": code(record.backbone) + (", shipped with srlbench" if _shipped(record) else ""),
        "track, protocol": f"{code(rules.name)} v{rules.version}, {code(record.protocol)}",
        "seed": str(record.seed),
        "command": code(record.command),
        "fingerprint": code(record.fingerprint),
        "sha256 of the weights": code(record.weights_sha256 or "none"),
        "made with": f"{escaped(versions)} on {escaped(str(record.environment.get('cpu') or 'an unknown machine'))}",
        "licence": "Apache-2.0" if _shipped(record) else "that of the backbone",
    }
    return "\n".join(f"- {name}: {value}" for name, value in rows.items())


def _scores(record: Record, rules: Track) -> str:
    values = with_averages(record.scores, rules.groups)
    lines = []
    for group, tasks in rules.groups.items():
        metric = _metric(rules, tasks[0])[1]
        names = [name for name in (average(group), *tasks) if name in values]
        lines += [Line([*texts(label(name), metric), number(values[name], ".2f")]) for name in names]
    columns = [Column("task", "left"), Column("metric", "left"), Column("score")]
    return Table("scores", "Scores", columns, lines).to_markdown()
