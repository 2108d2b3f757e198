"""Data sets from CSV files: named columns, and lines that hold no row named by their numbers."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dynsys import InputError
from dynsys.tables import read_table


def written(tmp_path, text):
    path = tmp_path / "points.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def same(table, expected):
    assert list(table) == list(expected)
    for name, column in expected.items():
        assert_array_equal(table[name], column)


def test_the_columns_keep_their_names_their_order_and_every_digit(tmp_path):
    rows = np.random.default_rng(0).standard_normal((50, 3)) * 10.0 ** np.arange(-150, 300, 150)
    lines = "\n".join(",".join(map(repr, row)) for row in rows.tolist())
    same(read_table(written(tmp_path, f"b,a,c\n{lines}\n")), dict(zip("bac", rows.T, strict=True)))


READ = {
    "whole numbers and exponents": "x,y\n1,-2.5\n3e2,.5\n",
    "spaces": " x ,\ty\n 1, -2.5 \n300 ,0.5\n",
    "quotes": '"x","y"\n"1","-2.5"\n"300",0.5\n',
    "lines of Windows": "x,y\r\n1,-2.5\r\n300,0.5\r\n",
    "no last line end": "x,y\n1,-2.5\n300,0.5",
    "empty lines": "\nx,y\n\n1,-2.5\n , \n300,0.5\n\n\n",
    "a byte order mark": b"\xef\xbb\xbfx,y\n1,-2.5\n300,0.5\n",
}


@pytest.mark.parametrize("case", READ)
def test_ways_of_writing_a_table_make_no_difference(case, tmp_path):
    path = written(tmp_path, READ[case])
    for given in (path, str(path)):
        same(read_table(given), {"x": [1, 300], "y": [-2.5, 0.5]})


def test_a_name_may_be_any_text_that_is_no_number(tmp_path):
    table = read_table(written(tmp_path, 'θ,"a, b",x1\n1,2,3\n'))
    same(table, {"θ": [1], "a, b": [2], "x1": [3]})


BAD = {
    "empty": ("", "points.csv has no rows; give a line of column names and lines of numbers"),
    "names alone": ("x,y\n", "points.csv has no rows"),
    "no names": ("1,2\n3,4\n", "points.csv starts with numbers; its first line must name the columns"),
    "one name a number": ("x,2\n3,4\n", "points.csv starts with numbers"),
    "a name not a number": ("x,nan\n3,4\n", "points.csv starts with numbers"),
    "a name twice": ("x,y,x\n1,2,3\n", "names its columns ['x', 'y', 'x']; give different names, none empty"),
    "a name twice but for spaces": ("x, x\n1,2\n", "names its columns ['x', 'x']; give different names"),
    "a name missing": ("x,,z\n1,2,3\n", "names its columns ['x', '', 'z']; give different names, none empty"),
    "many names twice": ("x," * 500 + "x\n1\n", "..; give different names, none empty"),
    "a value missing": ("x,y\n1,2\n3,\n", "points.csv: line 3 has nothing in column 'y'; mend or remove them"),
    "a value of spaces": ("x,y\n1,2\n  ,4\n", "line 3 has nothing in column 'x'"),
    "text": ("x,y\n1,two\n", "line 2 has 'two' in column 'y'"),
    "text of a line": ('x,y\n1,"a\nb"\n', r"line 3 has 'a\nb' in column 'y'"),
    "text in a column of two lines": ('x,"y\nz"\n1,a\n', r"line 3 has 'a' in column 'y\nz'"),
    "long text": ("x,y\n1," + "a" * 900 + "\n", "aaa...' in column 'y'"),
    "a comma for the decimal point": ("x,y\n1,2\n1,5,2\n", "line 3 has 3 columns, not 2"),
    "semicolons": ("x;y\n1;2\n", "line 2 has '1;2' in column 'x;y'"),
    "a hexadecimal number": ("x,y\n1,0x10\n", "line 2 has '0x10' in column 'y'"),
    "not a number": ("x,y\n1,NaN\n", "line 2 has NaN in column 'y'"),
    "infinity": ("x,y\n-inf,1\n", "line 2 has -inf in column 'x'"),
    "a number beyond floats": ("x,y\n1,1e400\n", "line 2 has 1e400 in column 'y'"),
    "a short row": ("x,y\n1,2\n3\n", "line 3 has 1 columns, not 2"),
    "a long row": ("x,y\n1,2,3\n", "line 2 has 3 columns, not 2"),
    "several faults": (
        "x,y\n1,\n1,2\na,b\n\n3\n",
        "line 2 has nothing in column 'y'; line 4 has 'a' in column 'x'; line 6 has 1 columns, not 2; mend",
    ),
    "many faults": ("x\n1\n" + "b\n" * 8, "line 7 has 'b' in column 'x'; and 3 more bad lines; mend or remove them"),
    "not UTF-8": ("x,ä\n1,2\n".encode("latin-1"), "points.csv cannot be read"),
    "a quote without end": ('x,y\n1,"2\n' + "1,2\n" * 50_000, "points.csv cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_table_is_one_line_that_names_the_file_and_the_lines(case, tmp_path):
    text, message = BAD[case]
    with pytest.raises(InputError) as caught:
        read_table(written(tmp_path, text))
    said = str(caught.value)
    assert said.startswith("points.csv") and message in said
    assert said.isprintable() and len(said) < 300


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_what_cannot_be_opened_says_so(name, tmp_path):
    with pytest.raises(InputError, match=r"cannot be read: .*; give a text file of numbers"):
        read_table(tmp_path / name)
