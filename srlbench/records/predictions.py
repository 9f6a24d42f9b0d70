"""Predictions: what a run said of every test item, kept as the ranks of its similarities and as its labels.

Spearman's correlation and all that is compared item by item depend on ranks alone, and ranks take a fifth of the room.
A hash of the predictions themselves stands in the record, so that a rerun can still be compared bit by bit.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srlbench.errors import StoreError
from srlbench.records.files import store_errors

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNSIGNED = ("uint8", "uint16", "uint32", "uint64")


def sha256_of(predictions: Mapping[str, NDArray[Any]]) -> str:
    """A hash of the names, types, shapes and bits of all arrays."""
    import numpy as np

    whole = sha256()
    for name in sorted(predictions):
        array = np.ascontiguousarray(predictions[name])
        whole.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        whole.update(array.tobytes())
    return whole.hexdigest()


def to_bytes(predictions: Mapping[str, NDArray[Any]]) -> bytes:
    """A predictions file: the test items of each task as an .npz, whose bytes are the same for equal predictions.

    The names are sorted and have no dates. Arrays of other splits (`TASK.SPLIT`) are left out: nothing reads them.
    """
    import numpy as np

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(predictions):
            if name.rpartition(".")[0] in predictions:
                continue
            entry = zipfile.ZipInfo(f"{name}.npy")  # the default date is always 1980
            entry.compress_type = zipfile.ZIP_DEFLATED
            member = io.BytesIO()
            try:
                np.lib.format.write_array(member, _small(np.asarray(predictions[name])), allow_pickle=False)
            except ValueError:
                raise StoreError(f"Predictions '{name}' are Python objects, not values.") from None
            archive.writestr(entry, member.getvalue(), compresslevel=9)
    return buffer.getvalue()


def read(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a predictions file, by name."""
    import numpy as np

    try:
        with store_errors(f"Cannot read {path}"), np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, EOFError, KeyError, MemoryError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        raise StoreError(f"Cannot read {path}: it is not a whole predictions file.") from None


def _small(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers as their ranks (equal ones share a rank, 0 is the smallest) and labels as they are, in few bytes."""
    import numpy as np

    if values.dtype.kind == "f" and np.isfinite(values).all():
        values = np.unique(values, return_inverse=True)[1].reshape(values.shape)
    elif values.dtype.kind not in "iu" or (values.size and values.min() < 0):
        return values
    largest = int(values.max()) if values.size else 0
    return values.astype(next(name for name in UNSIGNED if largest <= np.iinfo(name).max))
