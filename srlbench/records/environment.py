"""The environment of a run: versions, machine, threads and determinism, without anybody's name."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "srlbench", "torch", "transformers", "sentence-transformers", "mteb", "datasets", "numpy", "scipy",
    "scikit-learn", "tokenizers", "safetensors",
)  # fmt: skip
# The environment variables that can change a digit.
SETTINGS = (
    "PYTHONHASHSEED", "CUBLAS_WORKSPACE_CONFIG", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "MKL_CBWR",
    "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "TOKENIZERS_PARALLELISM",
)  # fmt: skip
_VECTOR = ("sse4_2", "avx", "avx2", "fma", "avx512", "avx_vnni", "amx", "asimd", "sve", "bf16", "i8mm")


def environment() -> dict[str, Any]:
    """The environment for a record; nothing is imported, so torch is described only if it is loaded already."""
    torch = sys.modules.get("torch")
    return {
        "packages": versions(),
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": _cpu(),
        "instructions": _instructions(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability() if torch else None,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads() if torch else None,
        "gpu": _gpu(torch),
        "determinism": _determinism(torch),
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
        "git": checkout(),
    }


def machine_class(environment: Mapping[str, Any]) -> dict[str, str]:
    """The parts of an environment that determine the digits of a run, beside its code and seed."""
    packages, gpu = (environment.get(name) for name in ("packages", "gpu"))
    torch = packages.get("torch") if isinstance(packages, Mapping) else None
    return {
        "processor": str(environment.get("cpu")),
        "instructions": f"{environment.get('cpu_capability')}; {environment.get('instructions')}",
        "GPU": str(gpu.get("names") if isinstance(gpu, Mapping) else gpu),
        "torch": str(torch).partition("+")[0],
    }


def software() -> dict[str, str]:
    """The versions of the libraries without their builds, which must be the same on every machine of a suite."""
    return {name: number.partition("+")[0] for name, number in versions().items() if number and name != "srlbench"}


def versions() -> dict[str, str | None]:
    """The versions of the packages that a result depends on; None if one is not installed."""
    found: dict[str, str | None] = dict.fromkeys(PACKAGES)
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _gpu(torch: Any) -> dict[str, Any] | None:
    if not torch or not torch.cuda.is_available():
        return None
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {"names": names, "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}


def _determinism(torch: Any) -> dict[str, Any] | None:
    if not torch:
        return None
    return {
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
    }


@cache
def _cpu_lines() -> dict[str, str]:
    """The first processor's entries in /proc/cpuinfo; empty if there is no such file."""
    try:
        block = Path("/proc/cpuinfo").read_text(errors="replace").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in block.splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _cpu() -> str:
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor()
    return _cpu_lines().get("model name") or platform.processor() or platform.machine()


def _instructions() -> str | None:
    """The vector instruction sets of the processor, on which the last digit of a matrix product depends."""
    flags = _cpu_lines().get("flags") or _cpu_lines().get("features") or ""
    vector = [flag for flag in sorted(flags.split()) if flag.startswith(_VECTOR) or flag in _VECTOR]
    return " ".join(vector) or None


@cache
def checkout() -> dict[str, Any] | None:
    """The commit of the checkout that this package runs from, and whether the package has changes."""
    package = Path(__file__).resolve().parents[1]
    if not (package.parent / ".git").exists():  # a wheel, perhaps installed inside a user's own repository
        return None
    text = _output("git", "-C", str(package), "status", "--porcelain=v2", "--branch", "--", ".")
    if text is None:
        return None
    lines = text.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid")), None)
    return {"commit": commit, "dirty": any(not line.startswith("#") for line in lines)}


def _output(*command: str) -> str | None:
    # GIT_* variables could select another repository, and git's optional lock could disturb another git process.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=10, env=clean | {"GIT_OPTIONAL_LOCKS": "0"}
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def cores() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
