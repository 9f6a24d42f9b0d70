"""The form of a record's file: its JSON, its schema, and how older schemas become today's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

from srlbench.errors import SrlbenchError

SCHEMA = 2


def _without_phases(content: dict[str, Any]) -> dict[str, Any]:
    """Schema 2 has a hash of the predictions, and no phases and emissions of mteb's, which say nothing of a score."""
    results = content.get("results")
    if isinstance(results, list):
        kept = [
            {k: v for k, v in one.items() if k not in LEFT_OUT} if isinstance(one, dict) else one for one in results
        ]
        content = content | {"results": kept}
    return content | {"predictions_sha256": None}


LEFT_OUT = ("evaluation_phases", "kg_co2_emissions")  # of mteb's TaskResult
# A change of schema adds one function here, from the previous version, so that old records stay readable.
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _without_phases}


class RecordError(SrlbenchError, ValueError):
    """A file or text that is not a valid record."""


class NewerSchema(RecordError):
    """A record with a newer schema than this version of srlbench can read."""


def parse(text: str | bytes) -> Any:
    """The value of a JSON text; raises RecordError if the text is not valid."""
    try:
        return json.loads(text, parse_constant=_not_json)
    except RecordError:
        raise
    except RecursionError:
        raise RecordError("not a record (nested too deeply)") from None
    except UnicodeDecodeError:
        raise RecordError("not text in UTF-8") from None
    except json.JSONDecodeError as error:
        state = "empty" if not text.strip() else f"not valid JSON (line {error.lineno}: {error.msg})"
        raise RecordError(f"{state}, perhaps cut short") from None
    except ValueError:  # Python does not read numbers with more than 4,300 digits
        raise RecordError("not valid JSON (a number without end)") from None


def migrate(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a record, converted to the present schema."""
    version = content["schema"]
    if type(version) is not int or version < 1:
        raise RecordError(f"'schema' is {version!r}, not a version number")
    if version > SCHEMA:
        raise NewerSchema(
            f"written by a newer srlbench (schema {version}, this one reads up to {SCHEMA}); upgrade srlbench"
        )
    while version < SCHEMA:
        if version not in MIGRATIONS:
            raise RecordError(f"schema {version} is no longer readable")
        content = MIGRATIONS[version](content) | {"schema": version + 1}
        version += 1
    return content


def _not_json(constant: str) -> NoReturn:
    raise RecordError(f"not valid JSON ({constant} is not a JSON number)")
