"""Generated command lines: a documented exit code, no traceback, and no file outside of the folder that was named.

`tox -e attack` makes many more of them than the quick tests (SRLBENCH_ATTACK says how many).
"""

from __future__ import annotations

import contextvars
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from test_text_and_streams import made

from srlbench import cli as verbs
from srlbench import errors, records
from srlbench.cli.show import terminal

CASES = int(os.environ.get("SRLBENCH_ATTACK", "60"))
CODES = {
    errors.OK, errors.REGRESSED, errors.USAGE, errors.RUN_FAILED, errors.NOTHING_COMPARABLE, terminal.PIPE_BROKEN,
}  # fmt: skip
# What reads and plans; verbs that train are only planned.
QUICK = ("list", "show", "leaderboard", "claims", "compare", "check", "publish", "plot", "export", "nosuch", "")
PLANNED = ("run", "sweep", "tune")
NEVER = {"--push", "--install-completion", "--show-completion", "--engine", "--ray-address", "--hub", "--debug"}
ODD = [
    *(
        "",
        " ",
        "-",
        "--",
        "0",
        "-1",
        "1e400",
        "nan",
        "٣",
        "true",
        "None",
        "[]",
        "{}",
        "\x1b[2J",
        "\u202e",
        "a\nb",
        "\udcff",
    ),
    *(
        "'",
        '"',
        "`x`",
        "$(x)",
        "%s",
        "{0}",
        "\\",
        "/",
        "//",
        ".",
        "..",
        "../..",
        "/nope/nope",
        "~",
        "~nobody/x",
        "x" * 300,
    ),
    *("simcse-unsup+", "simcse-unsup+lr", "simcse-unsup+lr=", "simcse-unsup+lr=fast", "simcse-unsup+steps=1.5"),
    *("simcse-unsup+temperature=nan", "mhs@tiny:0", "mhs@:", "@", ":", "@:", "mhs@tiny:99999999999999999999"),
    *("0-4", "4-0", "0-", ",", "0,,1", "0-100000000", "9" * 5000, "4294967296", "results", "kept", "kept/embedded"),
    *("kept/embedded/v4/a.json", "a.txt", "a.json", "a.csv", "a.md", "a.tex", "a.xml", "a.toml", "a.svg", "a.png"),
    *("mhs", "tiny", "embedded", "small", "sts", "recipes", "gains", "dynamics", "x.toml", "/dev/null", "/dev/zero"),
    *("a" + "/b" * 600, "org/name", "org/name@main", "org/name@" + "0" * 40, "pipe"),
]


def options() -> dict[str, dict[str, bool]]:
    """The long options of each verb, and whether each stands alone."""
    group: Any = typer.main.get_command(verbs.app)
    found = {name: command.params for name, command in group.commands.items() if not hasattr(command, "commands")}
    return {
        name: {
            flag: getattr(each, "is_flag", False)
            for each in params
            for flag in each.opts
            if flag.startswith("--") and flag not in NEVER
        }
        for name, params in found.items()
    }


KNOWN = options()
VALUE = st.sampled_from(ODD) | st.text(st.characters(exclude_characters="\0"), max_size=12).map(
    lambda text: (
        text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
        if not any(0xD800 <= ord(c) < 0xE000 for c in text)
        else "?"
    )
)


PLAUSIBLE = {
    "--track": ("embedded", "embedded", "small"), "--results": ("kept", "kept", "new"), "--seeds": ("0", "0-1", "7"),
    "--out": ("a.md", "a.csv", "a.json", "site", "a.toml", "a.svg"), "--with-track": ("small",), "--jobs": ("2",),
    "--margin": ("0.5",), "--strict": ("1",), "--accept": ("why",), "--sampler": ("grid", "tpe"), "--set": ("lr=1e-3",),
    "--backbone": ("tiny",),
}  # fmt: skip
NAMES = ("mhs", "simcse-unsup", "mhs@tiny:0", "recipes", "gains", "mteb", "dynamics", "simcse-unsup+lr=0.1")


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A verb, options of it and values, of which most could be meant."""
    verb = draw(st.sampled_from((*QUICK, *PLANNED)))
    words = [verb, "--dry-run"] if verb in PLANNED else [verb] if verb else []
    known = KNOWN.get(verb, {})
    odd = draw(st.integers(0, 5)) if draw(st.booleans()) else 9  # the word that nobody means, if there is one
    for place in range(draw(st.integers(0, 4))):
        flag = draw(st.sampled_from(["", *known]))
        if odd == place:
            words += [word for word in (flag, draw(VALUE)) if word != "--"]
        elif flag and (known[flag] or flag in PLAUSIBLE):
            words += [flag] if known[flag] else [flag, draw(st.sampled_from(PLAUSIBLE[flag]))]
        elif verb not in ("leaderboard", "claims", "check", "publish"):  # which take no names
            words.append(draw(st.sampled_from(NAMES)))
    return [word for word in words if word not in NEVER]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with some results in a folder that must stay as it is."""
    inside = tmp_path / "inside"
    for seed in range(2):
        records.write(inside / "kept", made(seed=seed, track="embedded"))
    (inside / "a.txt").write_text("not a recipe", encoding="utf-8")
    (inside / "x.toml").write_text("name = 3", encoding="utf-8")
    os.mkfifo(inside / "pipe")
    monkeypatch.chdir(inside)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SRLBENCH_RESULTS", "kept")
    monkeypatch.setenv("CI", "true")
    return inside


def said(words: list[str]) -> tuple[int, str]:
    """The exit code of a command line, and all that it printed."""
    out = io.StringIO()
    before = sys.argv
    sys.argv = ["srlbench", *words]
    code = 0
    try:
        with redirect_stdout(out), redirect_stderr(out):
            contextvars.copy_context().run(verbs.main)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        sys.argv = before
    return code, out.getvalue()


@settings(
    max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(lines())
def test_a_command_line_ends_as_documented(place: Path, words: list[str]) -> None:
    kept = {path: path.read_bytes() for path in (place / "kept").rglob("seed-*.json")}
    code, text = said(words)
    event(f"exit code {code}")
    assert code in CODES, (code, text)
    assert "Traceback" not in text and "This is a bug" not in text, text
    assert "\x1b[2J" not in text and "\u202e" not in text
    left = {path for path in place.parent.rglob("*") if path.is_file() and place not in path.parents}
    assert not {path for path in left if "matplotlib" not in path.parts}, left  # which keeps a list of fonts
    assert {path: path.read_bytes() for path in kept} == kept  # nothing recorded is lost or changed
