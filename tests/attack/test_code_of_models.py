"""Code that lies in a model's folder is never run, not even where somebody at a terminal would say yes."""

from __future__ import annotations

import json
import os
import pty
import shutil
import sys
from pathlib import Path

import pytest

from srlbench import backbones
from srlbench.evaluation import external

BAD = "from pathlib import Path\nPath({!r}).write_text('run')\nfrom transformers import BertModel as Bad, BertConfig\n"
SAID = "import sys; sys.argv = ['srlbench', *{!r}]; from srlbench.cli import main; main()"


def at_a_terminal(words: list[str]) -> str:
    """What a call says to a person at a terminal, who answers every question with yes."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", SAID.format(words)])
    said = b""
    os.write(terminal, b"y\ny\ny\ny\n")
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other side has ended
            break
        if not piece:
            break
        said += piece
    os.waitpid(pid, 0)
    return said.decode(errors="replace")


@pytest.mark.parametrize("form", ["plain", pytest.param("sentence-transformers", marks=pytest.mark.slow)])
def test_nobody_is_asked_whether_code_may_run(form: str, tmp_path: Path) -> None:
    folder, ran = tmp_path / "model", tmp_path / "ran"
    tiny = str(backbones.fetch(backbones.resolve("tiny")))
    if form == "plain":
        shutil.copytree(tiny, folder, ignore=shutil.ignore_patterns("modules.json"))
    else:
        external.load(tiny, "mean")[0].save(str(folder))
    config = next(iter(sorted(folder.rglob("config.json"), key=lambda path: len(path.parts))))
    content = json.loads(config.read_text()) | {"model_type": "bad", "architectures": ["Bad"]}
    content["auto_map"] = {"AutoModel": "modeling_bad.Bad", "AutoConfig": "modeling_bad.BertConfig"}
    config.write_text(json.dumps(content))
    (config.parent / "modeling_bad.py").write_text(BAD.format(str(ran)))
    words = ["evaluate", str(folder), "--protocol", "generated", "--tasks", "STSB"]
    said = at_a_terminal([*words, *(["--pool", "mean"] if form == "plain" else [])])
    assert "Error:" in said and "[y/N]" not in said and not ran.exists(), said
