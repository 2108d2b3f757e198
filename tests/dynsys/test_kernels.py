"""The cache of machine code: hit by a second process, never stale, never a crash."""

import hashlib
import importlib.util
import inspect
import os
import random
import re
import subprocess
import sys

import pytest

from dynsys import kernels

COMPILED = pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="nothing is compiled, so nothing is cached")
PROGRAM = """
import warnings
import numpy as np
from dynsys import games
from integrators import Euler, trajectory
run = trajectory(games.curl().field(), [1.0, 0.0], Euler(), h=0.1, steps=10)
from integrators.kernel import kernel
compiled = kernel(games.curl().field(), Euler(), "trajectory").trajectory
print(repr(float(run.x[-1] @ run.x[-1])), sum(compiled.stats.cache_hits.values()))
"""
EXPECTED = 1.01**10
WITHOUT_CODE = {"errors", "kernels"}  # modules whose changes leave a kernel what it is


def start(folder):
    environment = os.environ | {"DYNSYS_CACHE_DIR": str(folder)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, **pipes)


def outcome(process):
    """Result, number of cache hits and warnings of a run that must succeed."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    value, hits = out.split()
    assert float(value) == pytest.approx(EXPECTED, rel=1e-13)
    return int(hits), err


def run(folder):
    return outcome(start(folder))


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A folder that a first process has filled."""
    folder = tmp_path_factory.mktemp("cache") / "kernels"
    assert run(folder)[0] == 0
    return folder


@COMPILED
def test_a_second_process_loads_what_the_first_compiled(warm):
    before = {p.name: p.stat().st_mtime_ns for p in warm.iterdir()}
    assert before
    assert run(warm)[0] == 1
    assert {p.name: p.stat().st_mtime_ns for p in warm.iterdir()} == before


@COMPILED
def test_every_file_starts_with_the_digest_of_the_rest_and_the_folder_is_private(warm):
    assert warm.stat().st_mode & 0o777 == 0o700
    for file in warm.iterdir():
        data = file.read_bytes()
        assert hashlib.sha256(data[32:]).digest() == data[:32]


@COMPILED
@pytest.mark.parametrize("damage", ["empty", "half", "flipped"])
def test_a_damaged_file_is_rebuilt(warm, damage):
    (file,) = warm.iterdir()
    data = bytearray(file.read_bytes())
    draw = random.Random(damage)
    if damage == "flipped":
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    file.write_bytes(data[: {"empty": 0, "half": draw.randrange(len(data)), "flipped": len(data)}[damage]])
    assert run(warm)[0] == 0
    assert run(warm)[0] == 1


@COMPILED
def test_two_processes_at_once_compile_the_same_game(tmp_path):
    processes = [start(tmp_path / "shared") for _ in range(2)]
    for process in processes:
        outcome(process)
    assert run(tmp_path / "shared")[0] == 1
    assert not [p for p in (tmp_path / "shared").iterdir() if p.name.startswith(".")]


@COMPILED
def test_a_folder_that_cannot_be_made_costs_a_warning_only(tmp_path):
    (tmp_path / "file").write_text("")
    hits, err = run(tmp_path / "file" / "cache")
    assert hits == 0 and "DYNSYS_CACHE_DIR" in err


def test_a_link_or_somebody_elses_folder_is_not_used(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv(kernels.ENVIRONMENT_VARIABLE, str(tmp_path / "link"))
    kernels._temporary_folder.cache_clear()
    with pytest.warns(UserWarning, match="DYNSYS_CACHE_DIR"):
        assert kernels.cache_folder() != tmp_path / "link"
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    monkeypatch.setenv(kernels.ENVIRONMENT_VARIABLE, str(tmp_path / "real"))
    with pytest.warns(UserWarning, match="DYNSYS_CACHE_DIR"):
        assert kernels.cache_folder() != tmp_path / "real"


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path, monkeypatch):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    monkeypatch.setenv(kernels.ENVIRONMENT_VARIABLE, str(folder))
    with pytest.warns(UserWarning, match="DYNSYS_CACHE_DIR"):
        assert kernels.cache_folder() != folder


def test_a_folder_deleted_meanwhile_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv(kernels.ENVIRONMENT_VARIABLE, str(tmp_path / "kernels"))
    assert kernels.cache_folder().is_dir()
    (tmp_path / "kernels").rmdir()
    assert kernels.cache_folder().is_dir()


def test_the_key_depends_on_the_text_and_on_every_source_it_inlines(monkeypatch):
    def name_with(text, sources):
        monkeypatch.setattr(kernels, "_sources", lambda inlined: sources)
        return kernels.load(text).__name__

    text = "EXPORTS = []\nvalue = 1\n"
    names = [name_with(text, ["a"]), name_with(text + "\n", ["a"]), name_with(text, ["b"])]
    assert len(set(names)) == 3
    assert name_with(text, ["a"]) == names[0]


def module_of(path, text):
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("inlined", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_edit_of_an_inlined_source_changes_the_key(tmp_path):
    text = "EXPORTS = []\n"
    before, after = (module_of(tmp_path / f"{k}.py", f"def step(x):\n    return x + {k}\n") for k in (1, 2))
    assert kernels.load(text, [before]).__name__ != kernels.load(text, [after]).__name__
    assert kernels.load(text, [before]) is kernels.load(text, [before])


def test_the_key_covers_every_module_of_ours_whose_code_a_kernel_contains():
    sources = "".join(kernels._sources(()))
    names = {"vector", "functions", "codegen", "compiled", "emission"}
    for name in names | {m for m in re.findall(r"^from dynsys\.(\w+) import", sources, re.M) if m not in WITHOUT_CODE}:
        assert inspect.getsource(importlib.import_module(f"dynsys.{name}")) in sources


def test_without_compilation_the_same_program_runs_and_leaves_no_file(tmp_path):
    program = PROGRAM.rpartition("print")[0] + "print(float(run.x[-1] @ run.x[-1]))"
    environment = os.environ | {"DYNSYS_CACHE_DIR": str(tmp_path / "kernels"), "NUMBA_DISABLE_JIT": "1"}
    printed = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert float(printed.stdout) == pytest.approx(EXPECTED, rel=1e-13)
    assert not (tmp_path / "kernels").exists()


def test_digests_of_split_texts_differ():
    assert kernels.digest("ab", "c") != kernels.digest("a", "bc")
