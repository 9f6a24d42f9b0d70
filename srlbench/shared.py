"""What does not depend on a run: the first run that needs it makes it, and the runs after it have it.

Runs are processes that one process forks. A run tells that process what it made, and those forked later find it.
Keys are made of the content, so that nothing in here can be out of date. Elsewhere nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeVar

Value = TypeVar("Value")
known: dict[str, Any] = {}
_tell: Callable[[str, Any], None] | None = None


def begin(tell: Callable[[str, Any], None]) -> None:
    """From now on this process is a run, which tells what it makes."""
    global _tell
    _tell = tell


def once(what: str, make: Callable[[], Value], texts: Iterable[str], tokenizer: Any = None, *settings: Any) -> Value:
    """What is made of texts, a tokenizer and settings: plain Python or numpy, which nobody changes afterwards."""
    if _tell is None:
        return make()
    hashed = hashlib.sha256(repr((_sha256(tokenizer) if tokenizer else None, *settings)).encode())
    for text in texts:
        hashed.update(text.encode() + b"\0")
    key = f"{what} {hashed.hexdigest()}"
    if key not in known:
        known[key] = make()
        _tell(key, known[key])
    return known[key]  # type: ignore[no-any-return]


@lru_cache(2)  # a run has one tokenizer, or two
def _sha256(tokenizer: Any) -> str:
    """The hash of all that decides which word pieces a tokenizer makes of a text, but the length it cuts at."""
    inner = getattr(tokenizer, "backend_tokenizer", tokenizer)
    content = json.loads(inner.to_str()) | {"truncation": None, "padding": None}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
