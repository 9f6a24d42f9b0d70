"""Loaded by each Python process with this folder in PYTHONPATH: kills its process group at a point, or plants a bug.

SRLBENCH_KILL_LOG  a file; each replace, fsync or rmtree of any process adds a line, and so has a number
SRLBENCH_KILL_AT   the number at which the group is killed, before the call; 0: never
SRLBENCH_PLANT     "order": a record is written before its predictions; "torn": it is written in place, in two halves;
                   "full": the disk is full at the chosen point, and nobody is killed
"""

import errno
import os
import shutil
import signal
import sys

LOG, AT, PLANT = (os.environ.get(f"SRLBENCH_{name}", "") for name in ("KILL_LOG", "KILL_AT", "PLANT"))


def counted(module, name):
    inner = getattr(module, name)

    def outer(*args, **options):
        where = str(args[1] if name == "replace" else args[0]) if args else ""
        if LOG and (name != "fsync" or "srlbench" in str(sys._getframe(1).f_globals.get("__name__"))):
            with open(LOG, "ab", buffering=0) as file:
                file.write(f"{name} {os.path.basename(where)}\n".encode())
            with open(LOG, "rb") as file:
                number = file.read().count(b"\n")
            if number == int(AT or 0):
                if PLANT == "full":
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.killpg(0, signal.SIGKILL)
        return inner(*args, **options)

    setattr(module, name, outer)


if LOG:
    for module, name in ((os, "replace"), (os, "fsync"), (shutil, "rmtree")):
        counted(module, name)

if PLANT in ("order", "torn"):
    import importlib.abc
    import importlib.machinery
    import time

    def in_wrong_order(write):
        waiting = []

        def later(path, content):
            if path.suffix == ".npz":
                waiting.append((path, content))
                return
            write(path, content)
            while waiting:
                write(*waiting.pop())

        return later

    def in_place(write):
        def torn(path, content):
            if path.suffix == ".json" and path.name.startswith("seed-"):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb", buffering=0) as file:
                    file.write(content[: len(content) // 2])
                    time.sleep(5)
                    file.write(content[len(content) // 2 :])
            else:
                write(path, content)

        return torn

    class Planted(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name != "srlbench.records.store":
                return None
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            run = spec.loader.exec_module

            def exec_module(module):
                run(module)
                module.write_bytes = {"order": in_wrong_order, "torn": in_place}[PLANT](module.write_bytes)

            spec.loader.exec_module = exec_module
            return spec

    sys.meta_path.insert(0, Planted())
