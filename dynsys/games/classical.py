"""Fields from outside game theory, to check the tools against what is known."""

from __future__ import annotations

from dynsys.field import VectorField


def lorenz(sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3) -> VectorField:
    """Lorenz system: chaotic at σ = 10, ρ = 28, β = 8/3. Lorenz (1963)."""
    return VectorField(
        ("sigma*(y - x)", "x*(rho - z) - y", "x*y - beta*z"),
        ("x", "y", "z"),
        {"sigma": sigma, "rho": rho, "beta": beta},
        name="lorenz",
        box=((-20, 20), (-30, 30), (0, 50)),
    )


def van_der_pol(mu: float = 1.0) -> VectorField:
    """Van der Pol oscillator: an unstable focus inside a limit cycle. Van der Pol (1926)."""
    return VectorField(("y", "mu*(1 - x**2)*y - x"), ("x", "y"), {"mu": mu}, name="van-der-pol", box=((-4, 4), (-4, 4)))


def lotka_volterra(a: float = 1.0, b: float = 1.0, c: float = 1.0, d: float = 1.0) -> VectorField:
    """Lotka-Volterra prey u and predators w: a centre with a conserved quantity. Lotka (1925), Volterra (1926)."""
    return VectorField(
        ("a*u - b*u*w", "d*u*w - c*w"),
        ("u", "w"),
        {"a": a, "b": b, "c": c, "d": d},
        name="lotka-volterra",
        box=((-0.5, 4), (-0.5, 4)),
    )
