"""Data sets from CSV files with named columns."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from dynsys.errors import InputError, shown

NAMED_ROWS = 5  # bad rows that an error names one by one


def read_table(path: str | Path) -> dict[str, np.ndarray]:
    """The columns of a CSV file whose first line names them, name -> N numbers.

    Raises `InputError` that names, by line number, rows with a missing value, with text, or with another number of
    columns; none is dropped in silence.
    """
    path = Path(path)
    lines = read_lines(path)
    if len(lines) < 2:
        raise InputError(f"{path.name} has no rows; give a line of column names and lines of numbers")
    names = [cell.strip() for cell in lines[0][1]]
    if any(is_number(name) for name in names):
        raise InputError(f"{path.name} starts with numbers; its first line must name the columns")
    if len(set(names)) < len(names) or "" in names:
        raise InputError(f"{path.name} names its columns {shown(names)}; give different names, none empty")
    check_rows(path.name, lines[1:], len(names), names)
    return dict(zip(names, np.array([[float(cell) for cell in row] for _, row in lines[1:]]).T, strict=True))


def read_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Line numbers and cells of the lines of a CSV file that are not empty."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path.name} cannot be read: {reason}; give a text file of numbers") from None


def check_rows(
    file: str, lines: list[tuple[int, list[str]]], columns: int, names: list[str] | None = None, largest: float = 1e300
) -> None:
    """Raise `InputError` that names the lines without `columns` finite numbers of size up to `largest`."""
    bad = [(line, reason) for line, row in lines if (reason := _fault(row, columns, names, largest))]
    if bad:
        first = "; ".join(f"line {line} {reason}" for line, reason in bad[:NAMED_ROWS])
        rest = f"; and {len(bad) - NAMED_ROWS} more bad lines" if len(bad) > NAMED_ROWS else ""
        raise InputError(f"{file}: {first}{rest}; mend or remove them")


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, NaN and infinity included."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _fault(row: list[str], columns: int, names: list[str] | None, largest: float) -> str:
    """What is wrong with a row, or nothing."""
    if len(row) != columns:
        return f"has {len(row)} columns, not {columns}"
    for i, cell in enumerate(row):
        where = f"column {i + 1}" if names is None else f"column {shown(names[i])}"
        if not is_number(cell):
            return f"has {shown(cell)} in {where}" if cell.strip() else f"has nothing in {where}"
        if not abs(float(cell)) <= largest:
            return f"has {cell.strip()} in {where}"
    return ""
