"""What the generated tasks ask for beyond shared words: word overlap, bags of words and an encoder, side by side.

`python benchmarks/overlap.py [MODEL_FOLDER]` prints the tables of docs/language.md; the folder is any
sentence-transformers model. Similarity: Spearman x 100 over the test pairs, all subsets together. Transfer:
accuracy of a logistic regression by five-fold cross-validation over the rows of all splits, which is quicker
than the track's own probe and not comparable with it to the point.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from srlbench.data import language
from srlbench.data.rows import Rows

Vectors = NDArray[np.float64]
Encode = Callable[[Sequence[str]], Vectors]
DIMENSIONS = 300
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)  # inverse regularisation, chosen inside the training folds


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def random_words(texts: Sequence[str]) -> Vectors:
    """An encoder that knows nothing: a fixed random vector a word, their mean a sentence."""
    vocabulary = {word for text in texts for word in words(text)}
    vectors = {word: np.random.default_rng(crc32(word.encode())).standard_normal(DIMENSIONS) for word in vocabulary}
    return np.array([np.mean([vectors[word] for word in words(text)], axis=0) for text in texts])


def jaccard(first: Sequence[str], second: Sequence[str]) -> Vectors:
    pairs = [(set(words(a)), set(words(b))) for a, b in zip(first, second, strict=True)]
    return np.array([len(a & b) / len(a | b) for a, b in pairs])


def tf_idf(first: Sequence[str], second: Sequence[str]) -> Vectors:
    weigh = TfidfVectorizer(tokenizer=words, token_pattern=None, lowercase=False).fit([*first, *second])
    return np.asarray(weigh.transform(first).multiply(weigh.transform(second)).sum(axis=1)).ravel()


def cosine(a: Vectors, b: Vectors) -> Vectors:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def similarity(rows: Rows, encoders: Sequence[Encode]) -> list[float]:
    test = rows.splits["test"]
    first, second = list(test["sentence1"]), list(test["sentence2"])
    measures = [jaccard(first, second), tf_idf(first, second)]
    measures += [cosine(encode(first), encode(second)) for encode in encoders]
    return [100 * float(spearmanr(values, test["score"]).statistic) for values in measures]


def transfer(rows: Rows, encoders: Sequence[Encode]) -> list[float]:
    columns = {key: [x for part in rows.splits.values() for x in part[key]] for key in rows.splits["test"]}
    labels = np.array(columns.pop("label"))
    choose = LogisticRegressionCV(
        Cs=STRENGTHS, cv=3, max_iter=1000, scoring="accuracy", l1_ratios=(0,), use_legacy_attributes=False
    )
    probe, folds = make_pipeline(StandardScaler(), choose), StratifiedKFold(5, shuffle=True, random_state=0)
    found = [100 * max(Counter(labels.tolist()).values()) / len(labels)]
    for encode in encoders:
        vectors = [np.asarray(encode(texts), dtype=np.float64) for texts in columns.values()]
        x = vectors[0] if len(vectors) == 1 else np.hstack([abs(vectors[0] - vectors[1]), vectors[0] * vectors[1]])
        predicted = cross_val_predict(probe, x, labels, cv=folds)
        found.append(100 * float(np.mean(predicted == labels)))
    return found


def main(folder: str | None) -> None:
    encoders: dict[str, Encode] = {"random word vectors": random_words}
    if folder:
        from sentence_transformers import SentenceTransformer

        model: Any = SentenceTransformer(folder, device="cpu")
        encoders["encoder"] = lambda texts: model.encode(list(texts), batch_size=64, show_progress_bar=False)
    sets = [language.task(name) for name in language.TASKS]
    for sts, titles in ((True, ["Jaccard overlap", "tf-idf"]), (False, ["commonest label"])):
        header = ["task", *titles, *encoders]
        print(f"| {' | '.join(header)} |\n| :--- |{' ---: |' * (len(header) - 1)}")
        for rows in sets:
            if (rows.kind == "sts") is sts:
                values = (similarity if sts else transfer)(rows, list(encoders.values()))
                print(f"| {rows.name} | {' | '.join(f'{value:.1f}' for value in values)} |", flush=True)
        print()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
