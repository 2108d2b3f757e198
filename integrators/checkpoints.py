"""Runs on disk: a state, how far it is and what was observed, in one file that is whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dynsys.errors import InputError
from integrators.method import Method
from integrators.states import flat, shaped

FORMAT = 1


def settings_of(field: Any, start: np.ndarray, method: Method, h: float, seed: int, every: int) -> dict[str, str]:
    """What a run depends on, by name: two runs with the same settings are the same run."""
    return {
        "field": repr(field),
        "parameters": json.dumps(dict(field.parameters)),
        "method": lasting(method),
        "h": repr(h),
        "rng": repr(seed),
        "every": repr(every),
        "dtype": str(np.dtype(field.dtype)),
        "x0": hashlib.sha256(np.ascontiguousarray(start).tobytes()).hexdigest(),
    }


def lasting(thing: Any) -> str:
    """Its repr without addresses: that of a schedule is another in each process."""
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(thing))


def slopes_of(field: Any, start: np.ndarray) -> list[float]:
    """Length and one projection of v at the start: other losses, data or frozen parameters show in them."""
    with np.errstate(all="ignore"):
        v = field(start).astype(float)
        return [float(np.linalg.norm(v)), float(v @ np.cos(np.arange(len(v))))]


@dataclass(frozen=True)
class Checkpoint:
    """A file, the settings of the run that it keeps, and the field's slopes at the start."""

    path: Path
    settings: Mapping[str, str]
    slopes: Sequence[float] = ()

    def write(self, k: int, state: Any, records: list[dict[str, Any]]) -> None:
        """Replace the file by the state after k steps, atomically: it is on disk before it takes the name."""
        about = {"format": FORMAT, "k": k, "settings": dict(self.settings), "records": records}
        about["slopes"] = list(self.slopes)
        entries: dict[str, Any] = {f"state{i}": np.asarray(entry) for i, entry in enumerate(flat(state))}
        entries["about"] = np.array(json.dumps(about))
        save_whole(self.path, entries)


def save_whole(path: Path, arrays: Mapping[str, Any], compressed: bool = False) -> Path:
    """Write an archive of arrays that is whole or not there."""
    save: Any = np.savez_compressed if compressed else np.savez
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_whole(path, lambda file: save(file, **arrays))


def write_whole(path: Path, write: Callable[[Any], object]) -> Path:
    """The file at `path` as `write(file)` fills it: all of it is on disk before it takes the name."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        return Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(file: Checkpoint, like: Any) -> tuple[int, Any, list[dict[str, Any]]] | None:
    """Steps taken, state and records, or None if there is no file; `InputError` for the file of another run."""
    if not file.path.exists():
        return None
    try:
        with np.load(file.path, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            entries = [stored[f"state{i}"] for i in range(len(stored.files) - 1)]
            settings = dict(about["settings"])
    except (OSError, EOFError, TypeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{file.path} is no checkpoint ({error}); remove it, or give another path") from error
    differing = [
        f"{name} {settings.get(name)} there, {value} here"
        for name, value in file.settings.items()
        if settings.get(name) != value
    ]
    if not differing and not _agree(about.get("slopes", ()), file.slopes):
        differing = ["v(x0) differs, so its losses, data or frozen parameters do"]
    if about.get("format") != FORMAT or differing:
        what = "; ".join(differing) or f"format {about.get('format')} there, {FORMAT} here"
        raise InputError(f"{file.path} is the checkpoint of another run ({what}); remove it, or give another path")
    values = [float(e) if isinstance(old, float) else e for e, old in zip(entries, flat(like), strict=True)]
    return about["k"], shaped(values, like), about["records"]


def stored_point(path: Path, players: int) -> np.ndarray:
    """The point of a checkpoint, shape (n,), whatever the run: a state begins with the parts of its players."""
    with np.load(path, allow_pickle=False) as stored:
        return np.concatenate([stored[f"state{i}"] for i in range(players)])


def _agree(there: Sequence[float], here: Sequence[float]) -> bool:
    """Whether two fields' slopes are the same but for rounding in single precision, or one has no number there."""
    if len(there) != len(here) or not np.isfinite([*there, *here]).all():
        return len(there) == len(here)
    return bool(np.allclose(there, here, rtol=0, atol=1e-3 * max(1e-30, *map(abs, there[:1]))))
