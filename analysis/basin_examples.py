"""Maps and flows whose basins are known: Newton's map, Hénon's, the magnetic pendulum, Duffing's oscillator.

Each example is a field and the settings of `basins` that go with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from dynsys.field import VectorField
from integrators.adaptive.embedded import DormandPrince
from integrators.algorithms.runge_kutta import Euler

Example = tuple[VectorField, dict[str, Any]]


def newton() -> Example:
    """Newton's iteration for z³ = 1 in the plane: three basins, equal on a disk about 0, with a border in common."""
    square = "(x**2 + y**2)**2"
    image = [f"2*x/3 + (x**2 - y**2)/(3*{square})", f"2*y/3 - 2*x*y/(3*{square})"]
    field = VectorField.from_map(image, ["x", "y"], name="newton", box=[(-1, 1), (-1, 1)])
    return field, {"method": Euler(), "h": 1.0, "steps": 400}


def henon() -> Example:
    """Hénon's map: a strange attractor, and escape."""
    field = VectorField.from_map(
        ["1 - a*x**2 + y", "b*x"], ["x", "y"], {"a": 1.4, "b": 0.3}, name="henon", box=[(-2, 2), (-2, 2)]
    )
    return field, {"method": Euler(), "h": 1.0, "steps": 2000}


def magnetic_pendulum() -> Example:
    """A pendulum over magnets at the cube roots of 1, which attract it: -(x - m)/(|x - m|² + d²)^{3/2} points to m."""
    magnets = [("1", "0"), ("-1/2", "sqrt(3)/2"), ("-1/2", "-sqrt(3)/2")]

    def pull(variable: str, k: int) -> str:
        return " - ".join(
            f"({variable} - ({m[k]}))/((x - ({m[0]}))**2 + (y - ({m[1]}))**2 + d**2)**(3/2)" for m in magnets
        )

    components = [
        "u",
        "v",
        *(f"-omega**2*{c} - alpha*{s} - {pull(c, k)}" for k, (c, s) in enumerate((("x", "u"), ("y", "v")))),
    ]
    parameters = {"omega": 0.8, "alpha": 0.2, "d": 0.2}
    sides = [(-2, 2)] * 2 + [(-3, 3)] * 2
    field = VectorField(components, ["x", "y", "u", "v"], parameters, name="magnetic-pendulum", box=sides)
    return field, {"method": DormandPrince(), "period": 4.0, "steps": 100, "tolerance": 1e-7}


def duffing() -> Example:
    """Duffing's oscillator, driven with period 2π and strobed: one attractor in each well."""
    field = VectorField(
        ["v", "F*cos(t) + x - x**3 - c*v"], ["x", "v"], {"F": 0.2, "c": 0.15}, time="t", name="duffing",
        box=[(-2.2, 2.2), (-2.2, 2.2)],
    )  # fmt: skip
    return field, {"method": DormandPrince(), "period": 2 * math.pi, "steps": 200, "tolerance": 1e-7}


EXAMPLES: dict[str, Callable[[], Example]] = {
    "newton": newton,
    "henon": henon,
    "magnetic-pendulum": magnetic_pendulum,
    "duffing": duffing,
}
