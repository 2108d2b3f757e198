"""Normal forms: what lies beyond a border, by the first coefficient that decides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from analysis.multilinear import MultilinearForms, field_forms, update_forms
from analysis.precision import DIGITS
from analysis.zeros import exact_or_precise
from dynsys.array_field import AnyField, check_symbolic
from dynsys.errors import InputError
from integrators.checks import check_positive
from integrators.method import Method, check_method

RELATIVE = 1e-9  # a change of the derivatives by this share must not change the sign of a coefficient
CYCLES = {
    "flip": "cycle of period 2",
    "Neimark-Sacker": "invariant circle",
    "Hopf": "limit cycle",
    "pitchfork": "pair of equilibria",
}


@dataclass(frozen=True)
class NormalForm:
    r"""What happens at a border, with the critical eigenvectors normalised ⟨q, q⟩ = ⟨p, q⟩ = 1.

    With r the coordinate along q (x ≈ rq, or 2 Re(rq) for a pair) and a = `coefficient`:

    .. math:: \text{fold: } r + a r^2, \quad \text{pitchfork: } r + a r^3, \quad \text{flip: } -r + a r^3, \quad
              \text{Neimark-Sacker: } |r| + a |r|^3, \quad \text{Hopf: } \dot{|r|} = \omega a |r|^3.

    For a flow, fold and pitchfork are ẋ = ar² and ar³; the sign of a fold's coefficient follows that of q. `kind` fold
    stands also for a transcritical crossing, which it is where the zero persists. `verdict` is supercritical,
    subcritical, one-sided (fold) or degenerate. `uncertainty` is what a relative change of the derivatives by 1e-9 and
    `distance`, that of `multiplier` from the border, can do to the coefficient; it is nan where the cubic coefficient
    does not decide: at strong resonances and where several multipliers cross. `multiplier` is an eigenvalue for a flow.
    `rotation` is θ/2π of a Neimark-Sacker border; `repelling` counts the other multipliers that repel.
    """

    kind: str
    coefficient: float
    verdict: str
    uncertainty: float
    multiplier: complex
    distance: float
    rotation: float | None
    resonance: str
    repelling: int
    direction: np.ndarray
    outcome: str

    def amplitude(self, excess: float) -> float:
        """|r| of the cycle where the critical |ζ| - 1 (or Re λ of a flow) is `excess`; nan where there is none."""
        rate = self.multiplier.imag if self.kind == "Hopf" else 1.0
        cubic = -self.coefficient if self.kind == "flip" else self.coefficient
        if self.kind == "fold" or self.verdict not in ("supercritical", "subcritical") or excess * cubic > 0:
            return float("nan")
        return float(np.sqrt(-excess / (cubic * rate)))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, complex ones as [re, im], nan as None."""
        number = lambda value: None if np.isnan(value) else float(value)  # noqa: E731
        return {
            "kind": self.kind,
            "coefficient": number(self.coefficient),
            "verdict": self.verdict,
            "uncertainty": number(self.uncertainty),
            "multiplier": [self.multiplier.real, self.multiplier.imag],
            "distance": self.distance,
            "rotation": self.rotation,
            "resonance": self.resonance,
            "repelling": self.repelling,
            "direction": [[float(z.real), float(z.imag)] for z in self.direction],
            "outcome": self.outcome,
        }


def normal_form(
    field: AnyField, x: Any, method: Method | None = None, h: float | None = None, tolerance: float = 1e-6
) -> NormalForm:
    r"""The normal form at the zero x of the flow of the field or, with a method and step h, of the update.

    .. math:: \text{flip: } & \tfrac16 \langle p, C(q,q,q) + 3B(q, (I - A)^{-1} B(q,q)) \rangle \\
              \text{Neimark-Sacker: } & \tfrac12 \mathrm{Re}\, e^{-i\theta} \langle p, C(q,q,\bar q)
              + 2B(q, (I - A)^{-1} B(q,\bar q)) + B(\bar q, (e^{2i\theta} I - A)^{-1} B(q,q)) \rangle \\
              \text{Hopf: } & \tfrac1{2\omega} \mathrm{Re} \langle p, C(q,q,\bar q) - 2B(q, A^{-1} B(q,\bar q))
              + B(\bar q, (2i\omega I - A)^{-1} B(q,q)) \rangle

    and ½⟨p, B(q,q)⟩ for a fold; where that vanishes, the cubic one of a pitchfork. A, B, C are the exact derivatives
    at fifty digits, on the full state of the method. A multiplier counts as on the border within `tolerance` (times
    ‖A‖ for a flow).

    Raises `InputError` where x is no zero, none is on the border (which is nearest, and how far), or field or method
    is not smooth. Kuznetsov (2004), 3.3, 5.4.
    """
    reach = check_positive(tolerance, "tolerance")
    v = check_symbolic(field, "a normal form")
    if (method is None) != (h is None):
        raise InputError(f"method is {method!r} and h is {h!r}; give both for the update, neither for the flow")
    if method is not None and check_method(method, v).moves:
        raise InputError(f"{method.label} has no normal form at a zero of the field: {method.moves}")
    zero = exact_or_precise(v, x)
    forms = field_forms(v, zero) if method is None else update_forms(v, zero, method, h)  # type: ignore[arg-type]
    with mp.workdps(DIGITS):
        try:
            return _Border(forms, method is None, reach).described()
        except (ValueError, ZeroDivisionError) as error:
            raise InputError(f"x = {x}: the normal form cannot be computed there ({error}); choose another x") from None


class _Border:
    """The critical eigenvalues of A = F'(x) and what the forms of F say about them."""

    def __init__(self, forms: MultilinearForms, flow: bool, reach: float):
        self.forms, self.flow, self.reach = forms, flow, reach
        self.A = forms.matrix()
        self.size = mp.norm(self.A) or mp.mpf(1)
        values = list(mp.eig(self.A, left=False, right=False)) if forms.size > 1 else [self.A[0, 0]]
        gap = [mp.re(z) / self.size if flow else abs(z) - 1 for z in values]
        nearest = min(range(len(values)), key=lambda i: abs(gap[i]))
        if abs(gap[nearest]) > reach:
            border = "the imaginary axis" if flow else "the unit circle"
            far = abs(gap[nearest]) * (self.size if flow else 1)
            raise InputError(
                f"x is at no border: of all {'eigenvalues' if flow else 'multipliers'} {_text(values[nearest])} is "
                f"nearest to {border}, {float(far):.3g} away; move h or a parameter, or raise tolerance"
            )
        self.critical = [z for z, g in zip(values, gap, strict=True) if abs(g) <= reach]
        self.repelling = sum(g > reach for g in gap)
        self.value = max((z for z, g in zip(values, gap, strict=True) if abs(g) <= reach), key=mp.im)
        self.distance = max(float(abs(g)) for g in gap if abs(g) <= reach)

    def described(self) -> NormalForm:
        """The coefficient, or why it does not decide."""
        kind, resonance = self.kind, self.resonance
        expected = 2 if kind in ("Hopf", "Neimark-Sacker") else 1
        q, p = self._vectors()
        if resonance or len(self.critical) != expected or p is None:
            coefficient, margin, verdict = mp.nan, mp.nan, "degenerate"
        else:
            kind, coefficient, margin = self._coefficient(kind, q, p)
            verdict = _verdict(kind, coefficient, margin)
        z = complex(self.value)
        return NormalForm(
            kind=kind,
            coefficient=float(coefficient),
            verdict=verdict,
            uncertainty=float(margin),
            multiplier=z,
            distance=self.distance,
            rotation=float(np.angle(z) / (2 * np.pi)) if kind == "Neimark-Sacker" else None,
            resonance=resonance,
            repelling=self.repelling,
            direction=np.array([complex(c) for c in q]),
            outcome=_outcome(kind, verdict, resonance, bool(mp.isnan(coefficient)), self.repelling),
        )

    @property
    def kind(self) -> str:
        """By where the critical eigenvalue is; a fold may turn out a pitchfork."""
        z, near = self.value, mp.sqrt(self.reach)
        if self.flow:
            return "Hopf" if abs(mp.im(z)) > near * self.size else "fold"
        if abs(mp.im(z)) > near:
            return "Neimark-Sacker"
        return "fold" if mp.re(z) > 0 else "flip"

    @property
    def resonance(self) -> str:
        """1:k where ζᵏ = 1 and the cubic terms that resonate are not in the coefficient; else "" """
        if self.flow:
            return ""
        if self.kind == "Neimark-Sacker":
            return next((f"1:{k}" for k in (3, 4) if abs(self.value**k - 1) <= 4 * self.reach), "")
        return "" if len(self.critical) < 2 else {"fold": "1:1", "flip": "1:2"}[self.kind]

    def _vectors(self) -> tuple[Any, Any]:
        """q and p with Aq = ζq, Aᵀp = ζ̄p, ⟨q, q⟩ = ⟨p, q⟩ = 1; p None where a Jordan block makes ⟨p, q⟩ = 0."""
        z = self.value if self.kind in ("Hopf", "Neimark-Sacker") else mp.re(self.value)
        q, p = _null_vector(self.A - z * mp.eye(self.A.rows)), _null_vector(self.A.T - mp.conj(z) * mp.eye(self.A.rows))
        largest = max(q, key=abs)
        q = q * (abs(largest) / largest)
        product = _dot(p, q)
        return q, None if abs(product) <= mp.mpf(10) ** -8 else p / mp.conj(product)

    def _coefficient(self, kind: str, q: Any, p: Any) -> tuple[str, Any, Any]:
        """Kind, coefficient, and how much of it the tolerances can move."""
        if kind == "fold":
            half = [self.forms.second(q, q) / 2]
            square, margin = self._paired(p, half, 1)
            if abs(square) > margin:
                return kind, square, margin
            kind = "pitchfork"
        conjugate = mp.matrix([mp.conj(c) for c in q])
        if kind in ("flip", "pitchfork"):
            bend = self.forms.second(q, q)
            inner = self._solved(0, bend, (p, q)) if kind == "pitchfork" else self._solved(0, bend)
            terms = [self.forms.third(q, q, q) / 6, self.forms.second(q, inner) / 2]
            return (kind, *self._paired(p, terms, 1))
        twice = 2 * self.value if self.flow else self.value**2
        terms = [
            self.forms.third(q, q, conjugate) / 2,
            self.forms.second(q, self._solved(0, self.forms.second(q, conjugate))),
            self.forms.second(conjugate, self._solved(twice, self.forms.second(q, q))) / 2,
        ]
        factor = 1 / mp.im(self.value) if self.flow else mp.conj(self.value) / abs(self.value)
        return (kind, *self._paired(p, terms, factor))

    def _paired(self, p: Any, terms: list[Any], factor: Any) -> tuple[Any, Any]:
        """Re factor·⟨p, Σ terms⟩, and its uncertainty: a share of the sum of moduli, and rounding."""
        total = mp.re(factor * mp.fsum(_dot(p, term) for term in terms))
        moduli = abs(factor) * mp.fsum(abs(a) * abs(b) for term in terms for a, b in zip(p, term, strict=True))
        return total, (RELATIVE + self.distance) * moduli + mp.mpf(10) ** -28 * (1 + self.size)

    def _solved(self, shift: Any, b: Any, border: Any = None) -> Any:
        """(I - A)⁻¹b (−A⁻¹b for a flow) for shift 0, else (shift·I - A)⁻¹b; on the complement of q with a border."""
        unit = mp.eye(self.A.rows)
        K = shift * unit - self.A if shift != 0 else -self.A if self.flow else unit - self.A
        if border is None:
            return mp.lu_solve(K, b)
        (p, q), n = border, self.A.rows
        M = mp.zeros(n + 1)
        for i in range(n):
            M[i, n], M[n, i] = q[i], mp.conj(p[i])
            for j in range(n):
                M[i, j] = K[i, j]
        return mp.lu_solve(M, mp.matrix([*b, 0]))[:n]


def _null_vector(M: Any) -> Any:
    """A unit vector that M maps to nearly 0, by inverse iteration."""
    n = M.rows
    shifted = M + mp.mpf(10) ** -25 * (mp.norm(M) or 1) * mp.eye(n)
    x = mp.matrix([1 + mp.mpf(1) / (i + 3) + (i + 1) ** 2 % 7 for i in range(n)])
    for _ in range(4):
        x = mp.lu_solve(shifted, x)
        x = x / mp.norm(x)
    return x


def _dot(p: Any, q: Any) -> Any:
    """⟨p, q⟩, conjugate-linear in p."""
    return mp.fsum(mp.conj(a) * b for a, b in zip(p, q, strict=True))


def _verdict(kind: str, coefficient: Any, margin: Any) -> str:
    if abs(coefficient) <= margin:
        return "degenerate"
    if kind == "fold":
        return "one-sided"
    return "supercritical" if (coefficient > 0) == (kind == "flip") else "subcritical"


def _outcome(kind: str, verdict: str, resonance: str, several: bool, repelling: int) -> str:
    """What lies beyond, in words."""
    if resonance:
        return f"strong resonance {resonance}: the cubic coefficient does not decide what lies beyond"
    if several:
        return "several multipliers cross at once: the cubic coefficient of one does not decide what lies beyond"
    if verdict == "degenerate":
        return "the coefficient vanishes within its uncertainty: terms of higher order decide what lies beyond"
    if verdict == "one-sided":
        return "runs escape on one side; two zeros meet there, or cross and exchange their stability"
    what = CYCLES[kind]
    if verdict == "subcritical":
        return f"escape: beyond the border nothing nearby attracts; before it a repelling {what} closes in"
    if repelling:
        return f"beyond the border a small {what}, which attracts but for {repelling} other repelling directions"
    return f"beyond the border an attracting {what} with an amplitude like the root of the distance"


def _text(z: Any) -> str:
    value = complex(z)
    return f"{value.real:.6g}" if value.imag == 0 else f"{value:.6g}"
