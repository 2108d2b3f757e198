"""From a method to the text of its kernel: the definition runs once, on terms that write down what is done to them.

Whatever Python a method uses (loops over stages, players or inner steps, exact tableaux, other methods) is gone from
the text, which is straight-line arithmetic: it depends on nothing, compiles fast and may be cached for any class.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from dynsys.codegen import tuple_text
from dynsys.vector import NEWTON_STEPS, newton_step, where
from integrators.states import flat, shaped

DEEPEST = 12  # levels of parentheses before a value gets a name; Python's parser stops at 200


class Term:
    """A number that a kernel will know: arithmetic on it writes the kernel's text."""

    __array_ufunc__ = None  # NumPy's scalars leave arithmetic with a term to the term

    def __init__(self, program: Program, template: str, arguments: Sequence[Any] = (), atom: bool = False):
        self.program, self.template, self.arguments, self.atom = program, template, tuple(arguments), atom
        self.loop: Loop | None = None  # the loop that it is a result of
        self.called = False  # whether it is the value of a function, written once however often an entry of it is used
        program.lines.append(self)

    def _made(self, template: str, *arguments: Any) -> Any:
        if any(hasattr(a, "wraps_terms") for a in arguments):
            return NotImplemented  # so that Python asks the other number, which knows what to do with a term
        return Term(self.program.current, template, arguments)

    def __add__(self, other: Any) -> Term:
        return self._made("{} + {}", self, other)

    def __radd__(self, other: Any) -> Term:
        return self._made("{} + {}", other, self)

    def __sub__(self, other: Any) -> Term:
        return self._made("{} - {}", self, other)

    def __rsub__(self, other: Any) -> Term:
        return self._made("{} - {}", other, self)

    def __mul__(self, other: Any) -> Term:
        return self._made("{} * {}", self, other)

    def __rmul__(self, other: Any) -> Term:
        return self._made("{} * {}", other, self)

    def __truediv__(self, other: Any) -> Term:
        return self._made("{} / {}", self, other)

    def __rtruediv__(self, other: Any) -> Term:
        return self._made("{} / {}", other, self)

    def __pow__(self, exponent: Any) -> Term:
        if isinstance(exponent, int):
            return self._made(f"{{}}**{exponent}", self)
        return self._made("{}**{}", self, exponent)

    def __rpow__(self, base: Any) -> Term:
        return self._made("({})**{}", base, self)

    def __neg__(self) -> Term:
        return self._made("-{}", self)

    def __abs__(self) -> Term:
        return self._made("abs({})", self)

    def __lt__(self, other: Any) -> Term:
        return self._made("{} < {}", self, other)

    def __le__(self, other: Any) -> Term:
        return self._made("{} <= {}", self, other)

    def __gt__(self, other: Any) -> Term:
        return self._made("{} > {}", self, other)

    def __ge__(self, other: Any) -> Term:
        return self._made("{} >= {}", self, other)

    def __and__(self, other: Any) -> Term:
        return self._made("{} & {}", self, other)

    def __or__(self, other: Any) -> Term:
        return self._made("{} | {}", self, other)

    def __bool__(self) -> bool:
        raise TypeError("a method cannot branch on a state with `if`; choose with dynsys.vector.where")

    def __float__(self) -> float:
        raise TypeError("a method's arithmetic must stay symbolic; use the functions of dynsys.vector, not math")

    def sqrt(self) -> Term:
        """√ of it."""
        return self._made("sqrt({})", self)

    def log(self) -> Term:
        """The natural logarithm of it."""
        return self._made("log({})", self)

    def rough_power(self, exponent: float) -> Term:
        """A power to 1e-4: what a step size needs."""
        return self._made("power({}, {})", self, exponent)

    def where(self, a: Any, b: Any) -> Term:
        """a if it holds, else b."""
        return self._made("{1} if {0} else {2}", self, a, b)

    def solve(self, A: Any, b: Any) -> tuple[Term, ...]:
        """A⁻¹ b."""
        wrapped = next((e for e in (*flat(A), *flat(b)) if hasattr(e, "wraps_terms")), None)
        if wrapped is not None:
            return wrapped.solve(A, b)  # type: ignore[no-any-return]
        n = len(b)
        text = f"solve({_slots(n, n)}, {_slots(n)})"
        return self.program.current.call(text, [*flat(A), *flat(b)], (None,) * n)

    def repeat(self, f: Callable[[Any], Any], count: int, state: Any) -> Any:
        """f applied `count` times to a state, as a loop; one that solves equations carries whether all were solved."""
        program, root = self.program.current, self.program.root
        if root.unrolled:
            for _ in range(count):
                state = f(state)
            return state
        outside, root.solved = root.solved, []
        end = program.loop(count, lambda s: (f(s), None), state)[0]
        if root.solved:

            def turn(carried: Any) -> tuple[Any, None]:
                root.solved = []
                new, good = f(carried[0]), carried[1]
                for done in root.solved:
                    good = where(done, good, 0.0)
                return (new, good), None

            end, good = program.loop(count, turn, (state, 1.0))[0]  # the first loop is not used, so not written
            outside = [*outside, good > 0.5]
        root.solved = outside
        return end

    def solution(self, equation: Callable[[Any], tuple[Any, Any]], guess: Any) -> tuple[Any, ...]:
        """The zero of an equation by Newton's method; NaN where it is not reached, which the program takes note of."""
        program = self.program.current
        y, done = program.loop(NEWTON_STEPS, lambda y: newton_step(equation, y), guess)
        program.root.solved.append(done)
        return tuple(where(done, yi, math.nan) for yi in y)


class Loop:
    """A loop of a program: its body's terms, the names it carries from turn to turn, and what ends it early."""

    def __init__(self, program: Program, count: int, start: tuple[Any, ...]):
        self.count, self.start, self.body = count, start, Program(program)
        names = [program.root.name("y") for _ in start]
        self.carried = tuple(Term(self.body, name, atom=True) for name in names)
        self.ends: tuple[Any, ...] = ()
        self.done: Any = None
        self.results = tuple(Term(program, name, atom=True) for name in names)
        program.lines.append(self)
        self.flag = Term(program, program.root.name("done"), atom=True)
        for term in (*self.results, self.flag):
            term.loop = self


class Program:
    """What is written down: terms and loops, in order."""

    def __init__(self, outer: Program | None = None):
        self.outer, self.lines = outer, []  # type: ignore[var-annotated]
        self.root: Program = self if outer is None else outer.root
        if outer is None:
            self.open, self.names, self.solved = self, 0, list[Any]()
            self.unrolled = False  # whether repetitions are spelled out, however many

    @property
    def current(self) -> Program:
        """The innermost program being written."""
        return self.root.open

    def name(self, stem: str) -> str:
        """A name not used before."""
        self.names += 1
        return f"{stem}{self.names}"

    def atom(self, text: str) -> Term:
        """A term with this text."""
        return Term(self, text, atom=True)

    def call(self, template: str, arguments: Sequence[Any], like: Any) -> Any:
        """The value of a function that returns nested tuples shaped as `like`."""
        result = Term(self, template, arguments)
        result.called = True

        def item(path: tuple[int, ...], shape: Any) -> Any:
            if isinstance(shape, tuple):
                return tuple(item((*path, i), inner) for i, inner in enumerate(shape))
            return Term(self, "{}" + "".join(f"[{i}]" for i in path), [result], atom=True)

        return item((), like)

    def loop(self, count: int, f: Callable[[Any], Any], start: Any) -> tuple[Any, Term]:
        """The state after up to `count` turns of f(state) -> (state, whether to stop), and whether it stopped."""
        loop = Loop(self, count, flat(start))
        self.root.open = loop.body
        try:
            end, loop.done = f(shaped(loop.carried, start))
            loop.ends = flat(end)
        finally:
            self.root.open = self
        return shaped(loop.results, start), loop.flag

    def text(self, result: Sequence[Any], indent: int = 4) -> str:
        """The statements that the result needs, and its return as a flat tuple."""
        writer = _Writer()
        writer.need(result)
        lines = writer.lines(self, indent)
        return "\n".join([*lines, " " * indent + "return " + tuple_text([writer.show(e) for e in result])])


class _Writer:
    """Counts what is used, drops the rest, puts what is used once in its place and gives other values a name."""

    def __init__(self) -> None:
        self.uses: dict[int, int] = {}
        self.named: dict[int, str] = {}
        self.depth: dict[int, int] = {}

    def need(self, values: Sequence[Any]) -> None:
        """Count the uses of everything that the values depend on."""
        pending = [value for value in values if isinstance(value, Term)]
        while pending:
            term = pending.pop()
            self.uses[id(term)] = self.uses.get(id(term), 0) + 1
            if self.uses[id(term)] == 1:
                pending += [a for a in (*term.arguments, *self._of_loop(term)) if isinstance(a, Term)]

    def _of_loop(self, term: Term) -> tuple[Any, ...]:
        """What a loop needs, if the term is the first to ask for one of its results."""
        loop = term.loop
        if loop is None or id(loop) in self.uses:
            return ()
        self.uses[id(loop)] = 1
        return (*loop.start, *loop.ends, loop.done)

    def lines(self, program: Program, indent: int) -> list[str]:
        """The statements of a program."""
        written: list[str] = []
        pad = " " * indent
        for line in program.lines:
            if isinstance(line, Loop):
                if id(line) in self.uses:
                    written += self._loop(line, indent)
            elif self._stands_alone(line, program):
                name = f"t{len(self.named)}"
                written.append(f"{pad}{name} = {self._body(line)}")
                self.named[id(line)] = name
        return written

    def _stands_alone(self, term: Term, program: Program) -> bool:
        """Whether a term gets a statement of its own."""
        uses = self.uses.get(id(term), 0)
        if uses == 0 or (term.atom and not term.arguments):
            return False
        self.depth[id(term)] = 1 + max(
            (self.depth.get(id(a), 0) for a in term.arguments if isinstance(a, Term) and id(a) not in self.named),
            default=0,
        )
        if term.atom:
            return False
        return uses > 1 or term.called or self.depth[id(term)] >= DEEPEST or program.outer is not None

    def _loop(self, loop: Loop, indent: int) -> list[str]:
        pad, inner = " " * indent, " " * (indent + 4)
        names = ", ".join(result.template for result in loop.results)
        lines = [f"{pad}{names}, = {tuple_text([self.show(e) for e in loop.start])}"]
        if loop.done is not None:
            lines.append(f"{pad}{loop.flag.template} = False")
        lines.append(f"{pad}for _ in range({loop.count}):")
        lines += self.lines(loop.body, indent + 4)
        lines.append(f"{inner}{names}, = {tuple_text([self.show(e) for e in loop.ends])}")
        if loop.done is not None:
            lines += [f"{inner}if {self.show(loop.done)}:", f"{inner}    {loop.flag.template} = True"]
            lines.append(f"{inner}    break")
        return lines

    def show(self, value: Any) -> str:
        """The text of a value where it is used."""
        if not isinstance(value, Term):
            return _number(value)
        if id(value) in self.named:
            return self.named[id(value)]
        return self._body(value) if value.atom else f"({self._body(value)})"

    def _body(self, term: Term) -> str:
        return term.template.format(*[self.show(a) for a in term.arguments])


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return repr(value)
    number = float(Fraction(value) if isinstance(value, int) else value)
    return repr(number) if math.isfinite(number) else {"inf": "inf", "-inf": "-inf"}.get(repr(number), "nan")


def _slots(*sizes: int) -> str:
    """Placeholders for a tuple, or a tuple of rows."""
    if len(sizes) == 1:
        return tuple_text(["{}"] * sizes[0])
    return tuple_text([_slots(*sizes[1:])] * sizes[0])


class TracedField:
    """A field as a traced method sees it: it evaluates to terms, and takes note of what is called."""

    def __init__(self, program: Program, n: int, blocks: tuple[tuple[int, ...], ...]):
        self.program, self.n, self.blocks = program, n, blocks
        self.called: set[str] = set()

    def __call__(self, x: Any, p: Any) -> Any:
        """v(x, p)."""
        return self._called("field", x, p, (None,) * self.n)

    def jacobian(self, x: Any, p: Any) -> Any:
        """J(x, p)."""
        return self._called("jacobian", x, p, ((None,) * self.n,) * self.n)

    def gradients(self, x: Any, p: Any) -> Any:
        """∇fᵢ(x, p), a row a player."""
        return self._called("gradients", x, p, ((None,) * self.n,) * len(self.blocks))

    def series(self, x: Any, p: Any, order: int) -> Any:
        """The Taylor coefficients of the solution through x, a row of order + 1 a variable."""
        return self._called(f"series{order}", x, p, ((None,) * (order + 1),) * self.n)

    def derived(self, name: str, x: Any, p: Any) -> Any:
        """`curvature` or `payoff_curvature` of the field: a row for each entry of the Jacobian or of the gradients."""
        rows = self.n * (self.n if name == "curvature" else len(self.blocks))
        return self._called(name, x, p, ((None,) * self.n,) * rows)

    def _called(self, function: str, x: Any, p: Any, like: Any) -> Any:
        self.called.add(function)
        return self.program.current.call(f"{function}({_slots(self.n)}, {{}})", [*x, p], like)


def traced(
    method: Any, view: Callable[[Program], TracedField], like: Any
) -> tuple[dict[str, str], dict[str, TracedField]]:
    """The bodies of `start(x, p)`, `step(s, p, h)`, `shown(s)` and `solved(s, p, h)`; the fields seen in the first two.

    `view` makes the field that the method sees of a program, `like` is any state of the method on it. `shown` returns
    the position and, if the method keeps one, the average beside it; `solved` is missing if no implicit equation is
    solved.
    """
    names = tuple(f"s[{i}]" for i in range(len(flat(like))))

    def fresh() -> tuple[Program, TracedField, Any, Any]:
        program = Program()
        state = shaped([program.atom(name) for name in names], like)
        return program, view(program), state, program.atom("p")

    program, first, _, p = fresh()
    start = method.initial(first, tuple(program.atom(f"x[{i}]") for i in range(first.n)), p)
    texts = {"start": program.text(flat(start))}
    program, v, state, p = fresh()
    texts["step"] = program.text(flat(method.step(v, state, p, program.atom("h"))))
    if program.solved:
        done = program.solved[0]
        for other in program.solved[1:]:
            done = done & other
        texts["solved"] = program.text([done])
    program, _, state, _ = fresh()
    texts["shown"] = program.text([*flat(method.position(state)), *flat(method.average(state))])
    return texts, {"start": first, "step": v}
