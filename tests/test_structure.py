"""What a newcomer relies on: light imports, one direction of imports, a README that runs."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "dynsys": {"integrators", "analysis", "scripts"},
    "integrators": {"analysis", "scripts"},
    "analysis": {"scripts"},
}


@pytest.mark.parametrize("package", ["dynsys", "integrators", "analysis"])
def test_importing_a_package_loads_no_heavy_library(package):
    heavy = "('sympy', 'numba', 'matplotlib', 'scipy', 'rich', 'torch')"
    program = f"import sys, {package}; print([name for name in {heavy} if name in sys.modules])"
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert printed.strip() == "[]"


def imported(file):
    """Top-level names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports between modules are absolute"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_imports_point_from_analyses_to_methods_to_fields(package):
    files = list((ROOT / package).rglob("*.py"))
    assert len(files) > 5
    for file in files:
        assert not FORBIDDEN[package] & set(imported(file)), file


@pytest.mark.parametrize("package", ["dynsys", "dynsys.autoencoders", "dynsys.minibatches", "integrators", "analysis"])
def test_every_public_name_is_there(package):
    module = import_module(package)
    assert module.__all__
    modules = {file.stem for file in (ROOT / package.replace(".", "/")).iterdir()} - {
        "games",
        "transforms",
        "autoencoders",
        "minibatches",
    }
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name not in modules, f"importing the module {package}.{name} would hide the function"
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(module, "no_such_name")  # noqa: B009


def test_the_readme_has_two_quick_start_commands_and_its_python_example_runs(capsys):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## Quick start")[1].split("\n## ")[0]
    commands = [line for block in section.split("```bash")[1:] for line in block.split("```")[0].strip().splitlines()]
    assert len(commands) == 2
    example = text.split("```python")[1].split("```")[0]
    exec(compile(example, "README.md", "exec"), {})  # our own documentation
    assert "spurious zero" in capsys.readouterr().out


def test_the_python_examples_of_docs_geometry_run(capsys):
    blocks = (ROOT / "docs" / "geometry.md").read_text(encoding="utf-8").split("```python")[1:]
    for block in blocks:
        exec(compile(block.split("```")[0], "docs/geometry.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("False") and "circulation" in printed[0]
    height, along = (float(number) for number in printed[2].split(" ±")[0].split())
    assert abs(height - along) < 1e-12 and len(blocks) == 2


def test_the_python_example_of_docs_windows_runs(capsys):
    block = (ROOT / "docs" / "windows.md").read_text(encoding="utf-8").split("```python")[1].split("```")[0]
    exec(compile(block, "docs/windows.md", "exec"), {})
    printed = capsys.readouterr().out
    assert printed.startswith("stable for 0.233030278 < gamma < 5") and "\nTrue\n" in printed


PAGES = [("minibatches", 6), ("solving", 8), ("chaos", 5), ("basins", 3), ("cycles", 6)]


@pytest.mark.parametrize("page, lines", PAGES)
def test_the_python_example_of_a_page_runs_and_prints_what_it_says(page, lines, capsys):
    example = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").split("```python")[1].split("```")[0]
    exec(compile(example, f"{page}.md", "exec"), {})  # our own documentation
    claimed = [line.partition("  # ")[2].strip() for line in example.splitlines() if line.startswith("print(")]
    assert capsys.readouterr().out.splitlines() == claimed and len(claimed) == lines


def test_the_python_example_of_docs_methods_runs_and_prints_what_it_says(capsys):
    example = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8").split("```python")[1].split("```")[0]
    exec(compile(example, "methods.md", "exec"), {})  # our own documentation
    printed = capsys.readouterr().out.splitlines()
    claimed = [line.partition("  # ")[2].strip() for line in example.splitlines() if line.startswith("print(")]
    assert len(printed) == len(claimed) == 4
    assert printed[:3] == claimed[:3]


def test_the_python_example_of_docs_gans_runs_and_prints_what_it_says(capsys):
    example = (ROOT / "docs" / "gans.md").read_text(encoding="utf-8").split("```python")[1].split("```")[0]
    exec(compile(example, "gans.md", "exec"), {})  # our own documentation
    claimed = [line.partition("  # ")[2].strip() for line in example.splitlines() if line.startswith("print(")]
    assert capsys.readouterr().out.splitlines() == claimed and len(claimed) == 4
