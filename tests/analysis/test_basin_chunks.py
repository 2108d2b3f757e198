"""Chunks on disk: what a kill leaves is taken up again, and only for the same question."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from analysis import basins
from analysis.state_maps import UpdateMap
from dynsys import InputError, VectorField
from integrators import Euler

TWINS = VectorField(["x - x**3", "-y"], ["x", "y"], box=[(-2, 2), (-1, 1)])
KILLED = """
import os, signal
from analysis import basins
from analysis.state_maps import UpdateMap
from dynsys import VectorField
from integrators import Euler
UpdateMap.piece = 50
twins = VectorField(["x - x**3", "-y"], ["x", "y"], box=[(-2, 2), (-1, 1)])
def progress(done, total):
    if done >= 150:
        os.kill(os.getpid(), signal.SIGKILL)
basins(twins, Euler(), resolution=20, h=0.1, folder={folder!r}, progress=progress)
"""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(UpdateMap, "piece", 50)


def counted(monkeypatch):
    """How many starts were followed in chunks."""
    sizes = []
    plain = UpdateMap.follow

    def follow(self, states, traps, looks, progress=None):
        sizes.append(states.shape[1])
        return plain(self, states, traps, looks, progress)

    monkeypatch.setattr(UpdateMap, "follow", follow)
    return sizes


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_what_a_killed_run_finished_is_taken_up_and_the_result_is_the_same(tmp_path, monkeypatch):
    program = KILLED.format(folder=str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob("chunk-*.npz"))) == 3
    whole = basins(TWINS, Euler(), resolution=20, h=0.1)
    sizes = counted(monkeypatch)
    resumed = basins(TWINS, Euler(), resolution=20, h=0.1, folder=tmp_path, resume=True)
    assert sizes.count(50) == 5  # of eight
    for name in ("labels", "times", "x", "y"):
        assert (getattr(resumed, name) == getattr(whole, name)).all()
    assert resumed.to_dict() == whole.to_dict()


def test_a_damaged_chunk_is_computed_again_and_a_new_start_clears_the_folder(tmp_path):
    first = basins(TWINS, Euler(), resolution=20, h=0.1, folder=tmp_path)
    chunks = sorted(tmp_path.glob("chunk-*.npz"))
    chunks[0].write_bytes(chunks[0].read_bytes()[:100])
    chunks[1].write_bytes(b"")
    chunks[2].unlink()
    again = basins(TWINS, Euler(), resolution=20, h=0.1, folder=tmp_path, resume=True)
    assert (again.labels == first.labels).all() and (again.times == first.times).all()
    basins(TWINS, Euler(), resolution=5, h=0.1, folder=tmp_path)
    assert len(list(tmp_path.glob("chunk-*.npz"))) == 1


CHANGES = [
    ({"h": 0.2}, r"h was 0.1, now 0.2"),
    ({"resolution": 21}, r"resolution was \(20, 20\), now \(21, 21\)"),
    ({"steps": 9}, "steps was 20000, now 9"),
    ({"box": [(-2, 2), (-1, 2)]}, "box"),
    ({"rng": 1}, "rng was 0, now 1"),
    ({"attractors": [[1, 0], [-1, 0]]}, "attractors was searched for"),
]


@pytest.mark.parametrize(("changed", "message"), CHANGES)
def test_chunks_of_another_question_are_refused_and_what_differs_is_named(tmp_path, changed, message):
    question = {"resolution": 20, "h": 0.1}
    (tmp_path / "settings.json").write_text(_manifest())
    with pytest.raises(InputError, match="those of other settings.*" + message):
        basins(TWINS, Euler(), folder=tmp_path, resume=True, **question | changed)


def test_another_field_or_file_is_refused(tmp_path):
    (tmp_path / "settings.json").write_text(_manifest())
    other = VectorField(["x - 2*x**3", "-y"], ["x", "y"], box=[(-2, 2), (-1, 1)])
    with pytest.raises(InputError, match=r"other settings.*field"):
        basins(other, Euler(), resolution=20, h=0.1, folder=tmp_path, resume=True)
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(InputError, match="holds no settings"):
        basins(TWINS, Euler(), resolution=20, h=0.1, folder=tmp_path, resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another"):
        basins(TWINS, Euler(), resolution=20, h=0.1, folder=tmp_path / "file")


_text = ""


def _manifest():
    """That of the question of these tests, written once."""
    global _text
    if not _text:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            basins(TWINS, Euler(), resolution=20, h=0.1, folder=folder)
            _text = (Path(folder) / "settings.json").read_text(encoding="utf-8")
    return json.dumps(json.loads(_text))
