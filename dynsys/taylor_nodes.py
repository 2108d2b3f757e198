"""The nodes of an expression along a solution: each knows how its k-th Taylor coefficient follows from lower ones.

A node holds texts: `value[k]` is the k-th normalised coefficient u⁽ᵏ⁾/k!, `slope[k]` is k times it, which is the
coefficient of the derivative u′ at k - 1. The empty text stands for a coefficient that is zero at every point, so
constants, the time and whatever they multiply cost nothing beyond their last coefficient.
Sources: Moore, Interval Analysis (1966); Jorba & Zou (2005); Griewank & Walther, Evaluating Derivatives (2008), ch. 13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

Write = Callable[[str, str], str]  # (name, text) -> what to write for it: a name, a literal, or "" for zero


def times(a: str, b: str) -> str:
    """Text of a product of two texts without a sum at the top."""
    if not a or not b:
        return ""
    return b if a == "1.0" else a if b == "1.0" else f"{a}*{b}"


def total(terms: Iterable[str]) -> str:
    """Text of a sum."""
    return " + ".join(term for term in terms if term)


def minus(a: str, b: str) -> str:
    """Text of a difference."""
    b = f"({b})" if " " in b else b
    return a if not b else f"{a} - {b}" if a else f"-{b}"


def over(text: str, k: int) -> str:
    """Text of a sum divided by k: a product with a literal, since a division costs ten of them."""
    return text if k == 1 else times(f"({text})" if " " in text else text, repr(1 / k))


def convolution(a: Sequence[str], b: Sequence[str], k: int, first: int = 0, last: int | None = None) -> str:
    """Text of Σ a[j] b[k - j] for j from `first` to `last`, k by default.

    The newest coefficients, which the processor still waits for, stand at the end of the chain of additions: a step of
    order 20 of a planar cubic field in lanes takes 30 ns, against 52 ns in the order of j.
    """
    chosen = range(first, (k if last is None else last) + 1)
    return total(times(a[j], b[k - j]) for j in sorted(chosen, key=lambda j: max(j, k - j)))


def symmetric(a: Sequence[str], k: int, first: int = 0) -> str:
    """Text of Σ a[j] a[k - j] for j from `first` to k - `first`: equal pairs once, which halves the work."""
    pairs = total(times(a[j], a[k - j]) for j in reversed(range(first, (k + 1) // 2)))
    middle = times(a[k // 2], a[k // 2]) if k % 2 == 0 and k // 2 >= first else ""
    return total([middle, times("2.0", f"({pairs})") if pairs else ""])


class Node:
    """A function of time along the solution."""

    def __init__(self) -> None:
        self.name = ""
        self.value: list[str] = []
        self.slope: list[str] = []

    def text(self, k: int, write: Write) -> str:
        """Text of the k-th coefficient, from lower ones and from the k-th of nodes made earlier."""
        raise NotImplementedError

    def advance(self, k: int, write: Write) -> None:
        """Write the k-th coefficient."""
        self.value.append(write(f"{self.name}_{k}", self.text(k, write)))
        self.slope.append(write(f"{self.name}_{k}d", times(f"{k}.0", self.value[k]) if k else ""))


class Constant(Node):
    """A number or an expression in the parameters."""

    def __init__(self, constant: str):
        super().__init__()
        self.constant = constant

    def text(self, k: int, write: Write) -> str:  # noqa: D102
        return self.constant if k == 0 else ""


class Time(Constant):
    """t = t₀ + 1·s."""

    def text(self, k: int, write: Write) -> str:  # noqa: D102
        return "1.0" if k == 1 else super().text(k, write)


class Linear(Node):
    """constant + Σ coefficient·node; each coefficient with its sign, "" or "-", before it."""

    def __init__(self, constant: str, *terms: tuple[str, str, Node]):
        super().__init__()
        self.constant, self.terms = constant, terms

    def text(self, k: int, write: Write) -> str:  # noqa: D102
        parts = [("", self.constant if k == 0 else "")]
        parts += [(sign, times(coefficient, node.value[k])) for sign, coefficient, node in self.terms]
        text = "".join(f" {sign or '+'} {part}" for sign, part in parts if part)
        return text.removeprefix(" + ").replace(" - ", "-", 1) if text.startswith(" - ") else text.removeprefix(" + ")


class Operation(Node):
    """A node made of one or two others."""

    def __init__(self, u: Node, w: Node | None = None):
        super().__init__()
        self.u, self.w = u, w or u


class Product(Operation):
    """u·w: Leibniz's rule."""

    def text(self, k: int, write: Write) -> str:  # noqa: D102
        return convolution(self.u.value, self.w.value, k)


class Square(Operation):
    """u²."""

    def text(self, k: int, write: Write) -> str:  # noqa: D102
        return symmetric(self.u.value, k)


class Quotient(Operation):
    """q = u/w, from q·w = u."""

    def text(self, k: int, write: Write) -> str:  # noqa: D102
        reciprocal = write(f"{self.name}_r", f"1.0/{self.w.value[0]}")
        if k == 0:
            return times(self.u.value[0], reciprocal)
        rest = minus(self.u.value[k], convolution(self.value, self.w.value, k, last=k - 1))
        return rest and f"{reciprocal}*({rest})"


class Root(Operation):
    """s = √u, from s² = u."""

    def text(self, k: int, write: Write) -> str:  # noqa: D102
        if k == 0:
            return f"sqrt({self.u.value[0]})"
        reciprocal = write(f"{self.name}_r", f"0.5/{self.value[0]}")
        rest = minus(self.u.value[k], symmetric(self.value, k, first=1))
        return rest and f"{reciprocal}*({rest})"


class Jump(Operation):
    """`switch` of u: constant in pieces."""

    def text(self, k: int, write: Write) -> str:  # noqa: D102
        return f"switch({self.u.value[0]})" if k == 0 else ""


class Mirrored(Operation):
    """logistic(-u) = 1 - w, where w = logistic(u): its coefficients with the other sign, its value a call of its own.

    The derivative logistic(u) logistic(-u), in a consensus field for instance, keeps its relative accuracy for large u.
    """

    def text(self, k: int, write: Write) -> str:  # noqa: D102
        return minus("", self.w.value[k]) if k else f"logistic(-{self.u.value[0]})"


class Integral(Node):
    """y from its differential equation: the slope comes first, the coefficient is the slope over k.

    `start(u₀)` is the text of y₀. Subclasses say what y′ is.
    """

    def __init__(self, start: Callable[[str], str], u: Node):
        super().__init__()
        self.start, self.u = start, u

    def slope_text(self, k: int, write: Write) -> str:
        """Text of k times the k-th coefficient, k ≥ 1."""
        raise NotImplementedError

    def advance(self, k: int, write: Write) -> None:  # noqa: D102
        slope = write(f"{self.name}_{k}d", self.slope_text(k, write)) if k else ""
        text = over(slope, k) if k else self.start(self.u.value[0])
        self.slope.append(slope)
        self.value.append(write(f"{self.name}_{k}", text))


class Primitive(Integral):
    """y′ = ± g u′, where g may hold y itself: exp with g = y, tan with g = 1 + y², sin with g = cos and so on."""

    def __init__(self, start: Callable[[str], str], u: Node, sign: str = ""):
        super().__init__(start, u)
        self.sign = sign
        self.g: Node = self

    def slope_text(self, k: int, write: Write) -> str:  # noqa: D102
        text = convolution(self.u.slope, self.g.value, k, first=1)
        return f"-({text})" if text and self.sign else text


class InversePrimitive(Integral):
    """y′ = ± u′/g: log with g = u, atan with g = 1 + u², asin with g = √(1 - u²)."""

    def __init__(self, start: Callable[[str], str], u: Node, g: Node, sign: str = ""):
        super().__init__(start, u)
        self.g, self.sign = g, sign

    def slope_text(self, k: int, write: Write) -> str:  # noqa: D102
        reciprocal = write(f"{self.name}_r", f"{'-' if self.sign else ''}1.0/{self.g.value[0]}")
        slope = self.u.slope[k]
        done = convolution(self.slope, self.g.value, k, first=1, last=k - 1)
        if self.sign and done:  # g y′ = -u′
            return f"{reciprocal}*({total([slope, done])})"
        rest = minus(slope, done)
        return rest and f"{reciprocal}*({rest})"


class Power(Integral):
    """y = uᵃ for a constant a, from u y′ = a y u′. At u₀ = 0 its coefficients are not finite."""

    def __init__(self, start: Callable[[str], str], u: Node, exponent: str):
        super().__init__(start, u)
        self.exponent = exponent

    def slope_text(self, k: int, write: Write) -> str:  # noqa: D102
        reciprocal = write(f"{self.name}_r", f"1.0/{self.u.value[0]}")
        inflow = convolution(self.u.slope, self.value, k, first=1)
        scaled = times(self.exponent, f"({inflow})") if inflow else ""
        rest = minus(scaled, convolution(self.slope, self.u.value, k, first=1, last=k - 1))
        return rest and f"{reciprocal}*({rest})"


class Variable(Node):
    """x from x′ = its component of the field: x⁽ᵏ⁺¹⁾/(k+1)! = v⁽ᵏ⁾/k! over k + 1."""

    def __init__(self, start: str):
        super().__init__()
        self.start = start
        self.component: Node = self

    def advance(self, k: int, write: Write) -> None:  # noqa: D102
        slope = self.component.value[k - 1] if k else ""
        self.slope.append(slope)
        self.value.append(write(f"{self.name}_{k}", over(slope, k) if k else self.start))
