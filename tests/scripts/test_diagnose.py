"""`scripts/diagnose.py` as its users run it, on files of their own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from dynsys.matrix_free import MatrixFreeField, Products
from integrators import HeavyBall, train

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "diagnose.py"
EXAMPLE = ROOT / "scripts" / "examples" / "tiny_gan.py"
spec = importlib.util.spec_from_file_location("script_diagnose", SCRIPT)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
diagnose = module.main

OWN = """
import numpy as np
from dynsys.matrix_free import MatrixFreeField, Products
from beside import J

class Standing(MatrixFreeField):
    x = np.zeros(2)

def make():
    return Standing(lambda x: Products(J @ x, J.__matmul__, J.T.__matmul__), {"theta": 1, "phi": 1}, name="my game")

def make_number():
    return 3

def make_trouble():
    return {}["weights"]

def make_nowhere():
    return MatrixFreeField(lambda x: Products(J @ x, J.__matmul__, J.T.__matmul__), {"theta": 1, "phi": 1})
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A user's file, which imports another one of theirs beside it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "beside", raising=False)
    (tmp_path / "beside.py").write_text(
        "import numpy as np\nJ = np.array([[0.0, -1.0], [1.0, 0.0]])\n", encoding="utf-8"
    )
    path = tmp_path / "own.py"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_a_game_of_ones_own_is_diagnosed(own, tmp_path, capsys):
    out = tmp_path / "out"
    assert diagnose([f"{own}:make", "--h", "0.1", "--out", str(out)]) == 0
    words = capsys.readouterr().out
    assert words.startswith("my game: 2 variables") and "euler at h = 0.1 repels" in words and "Limits:" in words
    data = json.loads((out / "diagnosis.json").read_text(encoding="utf-8"))
    assert data["pair"]["gamma"] == 1 and data["players"] == {"theta": 1, "phi": 1}
    assert imread(out / "ritz-values.png").std() > 0.05


def test_a_module_by_its_dotted_name_and_another_method(own, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "own", raising=False)
    assert diagnose(["own:make", "--method", "extragradient", "--h", "0.5", "--out", str(tmp_path / "out")]) == 0
    assert "extragradient at h = 0.5 attracts" in capsys.readouterr().out
    sys.modules.pop("own", None)


def test_a_checkpoint_of_plain_numbers(own, tmp_path, capsys):
    np.save(tmp_path / "state.npy", np.array([0.3, 0.4]))
    arguments = ["--state", str(tmp_path / "state.npy"), "--out", str(tmp_path / "out")]
    assert diagnose([f"{own}:make_nowhere", *arguments]) == 0
    assert "‖v‖ = 0.5" in capsys.readouterr().out


def test_a_checkpoint_that_train_has_kept(own, tmp_path, capsys):
    J = np.array([[-0.5, 0.0], [0.0, -1.0]])
    field = MatrixFreeField(lambda x: Products(J @ x, J.__matmul__, J.T.__matmul__), {"theta": 1, "phi": 1})
    run = train(field, [0.4, 1.6], HeavyBall(0.5), h=0.5, steps=3, checkpoint=tmp_path / "run.npz")
    state = ["--state", str(tmp_path / "run.npz"), "--out", str(tmp_path / "out")]
    assert diagnose([f"{own}:make_nowhere", *state]) == 0
    speed = json.loads((tmp_path / "out" / "diagnosis.json").read_text(encoding="utf-8"))["speeds"]
    assert [speed["theta"], speed["phi"]] == [abs(run.x[1]), abs(run.x[0])]  # of the curl field


@pytest.mark.parametrize(
    ("subject", "more", "words"),
    [
        ("{own}", [], "write path/to/file.py:factory"),
        ("nowhere.py:make", [], "names the file 'nowhere.py', which does not exist"),
        ("no_such_package_here.gan:make", [], "raised ModuleNotFoundError: No module named 'no_such_package_here'"),
        ("{own}:mkae", [], "did you mean 'make'"),
        ("{own}:make_number", [], "returns 3; it must return a NetworkGame"),
        ("{own}:make_trouble", [], "raised KeyError: 'weights' (own.py, line 16)"),
        ("{own}:make_nowhere", [], "x is missing"),
        ("{own}:make", ["--method", "eulre"], "did you mean 'euler'"),
        ("{own}:make", ["--h=-1"], "--h is -1"),
        ("{own}:make", ["--products", "7"], "products is 7"),
        ("{own}:make", ["--state", "{here}/text.npz"], "raised"),
        ("{own}:make", ["--state", "nowhere.pt"], "which is no file"),
        ("{own}:make", ["--state", "{own}"], "without modules give a .npz"),
        ("{own}:make", ["--format", "gif"], "--format is 'gif'"),
    ],
)
def test_it_says_what_is_wrong_in_one_line(subject, more, words, own, tmp_path, capsys):
    (tmp_path / "text.npz").write_text("no archive", encoding="utf-8")
    arguments = [text.replace("{own}", str(own)).replace("{here}", str(tmp_path)) for text in (subject, *more)]
    assert diagnose([*arguments, "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert words in error and error.startswith("error: ") and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_is_data_and_runs_no_code(own, tmp_path, capsys):
    np.save(tmp_path / "state.npy", np.array([{"a": print}], dtype=object), allow_pickle=True)
    assert diagnose([f"{own}:make", "--state", str(tmp_path / "state.npy"), "--out", str(tmp_path / "out")]) == 2
    assert "pickle" in capsys.readouterr().err.lower()


def test_no_torch_is_loaded_for_a_game_without_it(own, tmp_path):
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r}); import diagnose; "
        f"print(diagnose.made_by({f'{own}:make'!r})); print('torch' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert printed.stdout.splitlines() == ["Standing(my game theta: 1, phi: 1)", "False"]


def test_the_example_gan_from_its_start_and_from_a_checkpoint(tmp_path, capsys):
    torch = pytest.importorskip("torch", reason="the example is a PyTorch network")
    out = ["--out", str(tmp_path / "out"), "--h", "0.1", "--products", "600"]
    assert diagnose([f"{EXAMPLE}:make", *out]) == 0
    first = json.loads((tmp_path / "out" / "diagnosis.json").read_text(encoding="utf-8"))
    assert first["players"] == {"generator": 114, "critic": 105} and first["dtype"] == "float32"
    assert np.hypot(*first["multipliers"]["values"][0]) > 1
    game = module.made_by(f"{EXAMPLE}:make")
    torch.save(game.state_dict(game.x * 0.5), tmp_path / "state.pt")
    assert diagnose([f"{EXAMPLE}:make", *out, "--state", str(tmp_path / "state.pt")]) == 0
    second = json.loads((tmp_path / "out" / "diagnosis.json").read_text(encoding="utf-8"))
    v = game(game.x * np.float32(0.5))
    assert second["speeds"]["critic"] == pytest.approx(np.linalg.norm(v[114:]), rel=1e-4)
    torch.save({"generator": {}}, tmp_path / "state.pt")
    assert diagnose([f"{EXAMPLE}:make", *out, "--state", str(tmp_path / "state.pt")]) == 2
    assert "holds no state_dict() of each of generator, critic" in capsys.readouterr().err


def test_both_python_examples_of_docs_networks_run_and_print_what_they_say(capsys):
    pytest.importorskip("torch", reason="the page is about PyTorch networks")
    blocks = (ROOT / "docs" / "networks.md").read_text(encoding="utf-8").split("```python")[1:]
    blocks = [block.split("```")[0] for block in blocks]
    names = {}
    for block in blocks:
        exec(compile(block, "docs/networks.md", "exec"), names)  # our own documentation; the second goes on from there
    claimed = [line.partition("  # ")[2].strip() for block in blocks for line in block.splitlines() if "print(" in line]
    assert capsys.readouterr().out.splitlines() == claimed and len(blocks) == 2
