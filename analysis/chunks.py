"""Long sweeps in chunks: each finished chunk is a file, whole or not there, so that a sweep can be resumed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dynsys.errors import InputError
from integrators.checkpoints import save_whole, write_whole

FORMAT = "1"
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Chunks:
    """A folder of finished chunks, and the settings of the sweep that they belong to, name -> text.

    `begin` opens or empties it; `take` computes what is not there. Only the files of chunks and of their settings are
    touched. With `folder` None nothing is kept.
    """

    folder: Path | None
    settings: Mapping[str, str]

    def begin(self, resume: bool) -> int:
        """Keep the chunks of the same sweep, or with `resume` False none; how many there are.

        Raises `InputError` that says which settings differ if the chunks are those of another sweep.
        """
        if self.folder is None:
            if resume:
                raise InputError("resume takes up the chunks in a folder; give folder= as in the run that was stopped")
            return 0
        wanted = {"format": FORMAT, **self.settings}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            found = self._settings(self.folder)
            if resume and found is not None:
                differing = [
                    f"{name} was {found.get(name, 'not given')}, now {wanted.get(name, 'not given')}"
                    for name in dict.fromkeys((*wanted, *found))
                    if found.get(name) != wanted.get(name)
                ]
                if differing:
                    raise InputError(
                        f"the chunks in {self.folder.name} are those of other settings: {'; '.join(differing)}; give "
                        "the same settings, or start anew without resuming"
                    )
            else:
                self.clear()
                self.folder.mkdir(parents=True, exist_ok=True)
                text = json.dumps(wanted, indent=1).encode()
                write_whole(self.folder / "settings.json", lambda file: file.write(text))
        except OSError as error:
            raise InputError(f"{self.folder} cannot be written ({error.strerror}); choose another folder") from None
        return self.finished

    @property
    def finished(self) -> int:
        """How many chunks are on disk."""
        return 0 if self.folder is None else len(list(self.folder.glob("chunk-*.npz")))

    def take(self, name: str, compute: Callable[[], Arrays]) -> Arrays:
        """The arrays of a chunk: those on disk, else those that `compute` finds, which are on disk afterwards."""
        if self.folder is None:
            return compute()
        path = self.folder / f"chunk-{name}.npz"
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            pass  # not there, or not what was written: it is computed again
        arrays = compute()
        save_whole(path, arrays)
        return arrays

    def clear(self) -> None:
        """Remove chunks, settings, what an interrupted write left, and the folder if nothing else is in it."""
        if self.folder is None:
            return
        for pattern in ("chunk-*.npz", ".chunk-*", "settings.json", ".settings.json.*"):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    @staticmethod
    def _settings(folder: Path) -> dict[str, str] | None:
        path = folder / "settings.json"
        if not path.exists():
            return None
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise InputError(f"{path.name} in {folder.name} holds no settings; start anew without resuming")
        return found
