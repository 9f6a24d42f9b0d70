"""The kinds of settings, read from their annotations: what a person types may be anything."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from srlbench.errors import UsageError, short

WORDS = {"int": "a whole number", "float": "a number", "str": "a word", "bool": "true or false", "None": "none"}


def ensure_kinds(name: str, settings: Iterable[tuple[str, Any, str]]) -> None:
    """Refuse a setting of a recipe whose value is of another kind; settings: key, value, annotation."""
    for key, value, annotation in settings:
        if not fits(value, annotation):
            words = " or ".join(WORDS[kind] for kind in _kinds(annotation) if kind != "None")
            raise UsageError(f"Recipe '{name}': {key} = {short(value)} is not {words}.")


def fits(value: Any, annotation: str) -> bool:
    """Whether a plain value is of the annotated kind; numbers must be finite. Of other annotations anything fits."""
    kinds = _kinds(annotation)
    if not kinds:
        return True
    if value is None or isinstance(value, bool | str):
        return {type(None): "None", bool: "bool", str: "str"}[type(value)] in kinds
    if isinstance(value, int) and "int" in kinds:
        return True
    try:
        return "float" in kinds and math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _kinds(annotation: str) -> list[str]:
    """The kinds of an annotation of plain values; none if it has others."""
    kinds = [part.strip() for part in annotation.split("|")]
    return kinds if all(kind in WORDS for kind in kinds) else []
