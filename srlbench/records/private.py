"""What of a machine is nobody's business: the values of secret variables, and where its user's home is."""

from __future__ import annotations

import os
import re
from functools import cache

SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY", re.IGNORECASE)
LEAST = 8  # letters; what is shorter is no secret, and stands in other words


@cache
def _is_secret(name: str) -> bool:
    return SECRET.search(name) is not None


def without_secrets(text: str) -> str:
    """The text with the name of a secret variable for its value."""
    for name, value in os.environ.items():
        if _is_secret(name) and len(value.strip()) >= LEAST:
            text = text.replace(value.strip(), f"[{name}]")
    return text


def hidden(text: str) -> str:
    """The text without secrets, and with `~` for the home folder."""
    text, home = without_secrets(text), os.path.expanduser("~")  # which stays as it is for a user without a home
    return re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text) if len(home) > 1 else text
