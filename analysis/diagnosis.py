"""Where the training of a large game stands: one call, a bounded number of products, and what they say and do not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.linalg import norm

from analysis.curvatures import OwnCurvature, own_curvatures
from analysis.hutchinson import RotationShare, rotation_share
from analysis.krylov import RitzValues
from analysis.leading import JacobianAt, leading_multipliers
from analysis.observed_steps import StableSteps, stable_steps
from analysis.stabilising import StabilisingGamma, is_stable, search
from dynsys.errors import InputError
from dynsys.matrix_free import MatrixFreeField
from integrators.algorithms.runge_kutta import Euler
from integrators.checks import check_count, check_step
from integrators.method import Method, check_method

SHARES = {"real": 0.2, "modulus": 0.08, "multipliers": 0.1, "gamma": 0.33}  # of the products; pairs get what is left
PROBES = 16
REST = 1e-8  # of ‖x‖: a way to a zero that nobody need go
CURVATURE_PRODUCTS = 40  # a player
PER_NORM = (0.3, 1.0)  # γ‖J‖ at which a normal J with large rotation takes its largest steps: γ = (b - a)/|λ|²


@dataclass(frozen=True, eq=False)
class ConsensusPair:
    """A coefficient γ with the steps of the method that are stable on the observed eigenvalues of J - γJᵀJ."""

    gamma: float
    steps: StableSteps
    converged: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return {"gamma": self.gamma, **self.steps.to_dict(), "converged": self.converged}


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What a bounded number of products with J and Jᵀ say of the point where training stands; `print` shows it.

    `speeds` are ‖vᵢ‖ of the players, `length` is ‖x‖.
    `real` and `modulus` are Ritz values of the field's Jacobian, `multipliers` of the method's update at h. `steps` are
    the steps stable on the observed values, `pair` the best (γ, h) that was tried. What could not be had is None, with
    the reason in `notes`. `complete`: all eigenvalues were looked at.
    """

    name: str
    sizes: Mapping[str, int]
    dtype: str
    speeds: Mapping[str, float]
    length: float
    real: RitzValues
    modulus: RitzValues
    curvatures: Mapping[str, OwnCurvature]
    rotation: RotationShare
    method: Method
    h: float | None
    multipliers: RitzValues | None
    steps: StableSteps | None
    gamma: StabilisingGamma
    pair: ConsensusPair | None
    piecewise: str
    notes: tuple[str, ...]
    products: int
    seconds: float

    @property
    def n(self) -> int:
        """The number of variables."""
        return sum(self.sizes.values())

    @property
    def speed(self) -> float:
        """‖v‖."""
        return float(norm(list(self.speeds.values())))

    @property
    def distance(self) -> float:
        """‖v‖/‖J‖_F, to first order a lower bound of the way to a zero of v."""
        return 0.0 if self.speed == 0 else self.speed / self.rotation.norm if self.rotation.norm else float("inf")

    @property
    def at_rest(self) -> bool:
        """Whether rounding of x alone may make the v that is found."""
        return self.distance <= max(REST, 64 * float(np.finfo(self.dtype).eps)) * (1 + self.length)

    @property
    def complete(self) -> bool:
        """Whether the eigenvalues shown lead the whole spectrum."""
        return self.real.complete

    @property
    def words(self) -> list[str]:
        """The verdict, sentence by sentence."""
        from analysis.diagnosis_words import verdict

        return verdict(self)

    @property
    def limits(self) -> list[str]:
        """What it does not say."""
        from analysis.diagnosis_words import limits

        return limits(self)

    def __str__(self) -> str:
        from analysis.diagnosis_words import page

        return page(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain numbers and texts, for JSON."""
        plain = lambda part: None if part is None else part.to_dict()  # noqa: E731
        return {
            "name": self.name,
            "players": dict(self.sizes),
            "dtype": self.dtype,
            "speeds": dict(self.speeds),
            "distance": self.distance if np.isfinite(self.distance) else None,
            "at_rest": self.at_rest,
            "real": self.real.to_dict(),
            "modulus": self.modulus.to_dict(),
            "curvatures": {player: found.to_dict() for player, found in self.curvatures.items()},
            "rotation": self.rotation.to_dict(),
            "method": self.method.label,
            "h": self.h,
            "multipliers": plain(self.multipliers),
            "steps": plain(self.steps),
            "gamma": self.gamma.to_dict(),
            "pair": plain(self.pair),
            "verdict": self.words,
            "limits": self.limits,
            "products": self.products,
            "seconds": self.seconds,
        }


def diagnose(
    field: MatrixFreeField,
    x: Any = None,
    *,
    method: Method = Euler(),
    h: float | None = None,
    k: int = 6,
    basis: int = 40,
    products: int = 1200,
    dense: int = 400,
    rng: int = 0,
    progress: Callable[[str], None] | None = None,
) -> Diagnosis:
    """Diagnose a game of many variables, such as a `NetworkGame`, at x, by default where it stands.

    About `products` products with J and Jᵀ are spent, and `basis` vectors are held: memory is linear in the number of
    variables. Fields of at most `dense` variables have their Jacobian formed, and all eigenvalues are looked at. Of a
    transformed field, such as consensus, the eigenvalues and multipliers are its own; curvatures, rotation and γ are
    those of the game it was made from. `progress` is told what is being done. Raises `InputError` for wrong arguments
    and where v or its derivatives are not finite.
    """
    began, say = time.perf_counter(), progress or (lambda text: None)
    check_method(method)
    step = None if h is None else check_step(h)
    least = basis + k + 2
    if check_count(products, "products", 1) < 10 * least:
        raise InputError(f"products is {products}; with basis = {basis} and k = {k} give at least {10 * least}")
    limits = {"basis": basis, "rng": rng}
    share = {name: int(part * products) for name, part in SHARES.items()}
    say("v and its Jacobian")
    J = JacobianAt(field, x, dense)
    point, game = J.x, field.root
    v = np.asarray(game(point))
    if not np.isfinite(v).all():
        raise InputError("v at x is not finite; choose another point")
    base = J if game is field else JacobianAt(game, point, dense)
    held = base.matrix is not None
    say("rotation share")
    rotation = rotation_share(base.linear, point, game.n if held else min(PROBES, products // 20), rng)
    say("largest real parts")
    real = J.leading("real", k, **limits, products=max(share["real"], least), vectors=game is field)
    say("largest moduli")
    modulus = J.leading("modulus", k, **limits, products=max(share["modulus"], least))
    say("own curvatures")
    curvatures = own_curvatures(base.linear, point, game.n + 1 if held else CURVATURE_PRODUCTS, rng=rng)
    notes: list[str] = []
    found = None
    if step is not None:
        say("multipliers of the update")
        most = max(share["multipliers"] // method.evaluations, least)
        found = _or_note(notes, lambda: leading_multipliers(field, point, method, step, k, **limits, products=most))
    steps = _or_note(notes, lambda: observed_steps((real, modulus), method))
    say("smallest consensus coefficient")
    few = limits | {"basis": max(3 * basis // 4, k + 4)}  # a trial starts from the Ritz vectors of the one before
    gamma = search(base, share["gamma"], k, real if game is field else None, **few)
    real = replace(real, vectors=None)
    spent = J.products + real.products + modulus.products + gamma.products
    spent += 0 if base is J else base.products
    spent += 0 if held else 2 * rotation.probes + sum(c.products for c in curvatures.values())
    spent += found.products * method.evaluations if found else 0
    say("steps under consensus")
    pair, tried = (None, 0) if steps is None else _best_pair(base, gamma, method, k, products - spent, few)
    return Diagnosis(
        name=field.name or type(field).__name__,
        sizes=dict(field.players),
        dtype=str(field.dtype),
        speeds={player: float(norm(v[own].astype(float))) for player, own in field.slices.items()},
        length=float(norm(point.astype(float))),
        real=real,
        modulus=modulus,
        curvatures=curvatures,
        rotation=rotation,
        method=method,
        h=step,
        multipliers=found,
        steps=steps,
        gamma=gamma,
        pair=pair,
        piecewise=getattr(field, "almost_everywhere", "") or field.piecewise,
        notes=tuple(dict.fromkeys(notes)),
        products=spent + tried,
        seconds=time.perf_counter() - began,
    )


def observed_steps(ritz: tuple[RitzValues, ...], method: Method) -> StableSteps | None:
    """The steps stable on Ritz values: those not told from 0 are left out, those not told from the axis are on it."""
    values = [
        z if side != "axis" else 1j * z.imag
        for found in ritz
        for z, side in zip(found.values, found.sides, strict=True)
        if side != "zero"
    ]
    return stable_steps(values, method) if values else None


def _or_note(notes: list[str], compute: Callable[[], Any]) -> Any:
    """What is computed, or None with the reason among the notes."""
    try:
        return compute()
    except InputError as error:
        notes.append(str(error))
        return None


def _best_pair(
    J: JacobianAt, found: StabilisingGamma, method: Method, k: int, products: int, limits: Mapping[str, Any]
) -> tuple[ConsensusPair | None, int]:
    """Of a few γ from the smallest that stabilises on, the one with the largest stable step; and the products spent."""
    size = found.trials[0][1].norm
    if not found.gamma >= 0 or size == 0:
        return None, 0
    candidates = sorted({2 * found.gamma, *(c / size for c in PER_NORM)} - {0.0})
    least, spent = min(limits["basis"], J.field.n) + k + 2, 0
    pairs: list[ConsensusPair] = []
    for gamma in (g for g in candidates if g >= found.gamma):
        limit = max(least, products // (4 * len(candidates)))
        if J.matrix is None and products - spent < 4 * least:
            break
        ritz = [J.leading(which, k, gamma, **limits, products=limit) for which in ("real", "modulus")]
        spent += sum(part.products for part in ritz)
        steps = observed_steps((ritz[0], ritz[1]), method) if all(map(is_stable, ritz)) else None
        if steps is not None:
            pairs.append(ConsensusPair(gamma, steps, all(bool(part.converged.all()) for part in ritz)))
    return max(pairs, key=lambda pair: pair.steps.largest, default=None), spent
