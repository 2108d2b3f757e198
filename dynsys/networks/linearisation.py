"""A network's field near a point: products with its Jacobian that reuse what was computed for its value.

J u goes forward over reverse: the derivative of the gradients' own evaluation along u. Where many products are taken
it is traced into the list of operations that depend on u; what does not depend on it (activations, slopes of the
activation functions) is computed once and kept. Pearlmutter (1994); Griewank & Walther (2008), section 3.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx
from torch.autograd import forward_ad

from dynsys.errors import InputError

# products at one point before the trace pays: it takes 0.7 to 1.2 s, and saves 3 to 40 ms a product (26 to 165,378
# variables) with the same bits
DIRECT = 50
Function = Callable[[Tensor, bool], Tensor]  # (x, whether its value is to be differentiated) -> v(x)


class NetworkLinearisation:
    """v(x), J u and Jᵀ u at one point x, for a function of a flat tensor."""

    def __init__(self, function: Function, x: Tensor):
        self.function, self.x, self.taken = function, x, 0

    @functools.cached_property
    def _graph(self) -> tuple[Tensor, Tensor]:
        """x and v(x), with what a derivative of v needs."""
        x = self.x.detach().requires_grad_(True)
        try:
            with torch.enable_grad():
                return x, self.function(x, True)
        except RuntimeError as error:
            raise undifferentiable(error) from error

    @functools.cached_property
    def value(self) -> np.ndarray:
        """v(x), shape (n,); not to be written to, since products are made from it."""
        value = self._graph[1].detach().numpy()
        value.flags.writeable = False
        return value

    def vjp(self, u: np.ndarray) -> np.ndarray:
        """Jᵀ u, shape (n,)."""
        x, v = self._graph
        return _pulled(v, x, _tensor(u)).numpy()

    def jvp(self, u: np.ndarray) -> np.ndarray:
        """J u, shape (n,)."""
        self.taken += 1
        try:
            product = self._traced if self.taken > DIRECT else self._direct
            with torch.no_grad():
                return product(_tensor(u)).numpy()
        except UntraceableError:
            return self._twice_reversed(_tensor(u)).numpy()

    def _direct(self, u: Tensor) -> Tensor:
        return tangent(self._evaluated, self.x, u)

    def _evaluated(self, x: Tensor) -> Tensor:
        return self.function(x, False)

    @functools.cached_property
    def _traced(self) -> Callable[[Tensor], Tensor]:
        """u -> J u, in fewer operations; as before where they make no list."""
        try:
            return traced_tangent(self._evaluated, self.x)
        except UntraceableError:
            return functools.partial(tangent, self._evaluated, self.x)

    @functools.cached_property
    def _twice_reversed(self) -> Callable[[Tensor], Tensor]:
        """J u as the derivative of w ↦ Jᵀ w, which is linear: for operations without a forward derivative."""
        x, v = self._graph
        w = torch.zeros_like(v, requires_grad=True)
        with torch.enable_grad():
            pulled = _pulled(v, x, w, create_graph=True)
        return lambda u: _pulled(pulled, w, u)


def _tensor(u: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(u))


def _pulled(v: Tensor, x: Tensor, u: Tensor, create_graph: bool = False) -> Tensor:
    """Σ uᵢ ∇vᵢ, 0 where v does not depend on x."""
    if not v.requires_grad:
        return torch.zeros_like(x)
    try:
        found = torch.autograd.grad(v, x, u, retain_graph=True, create_graph=create_graph, materialize_grads=True)
    except RuntimeError as error:
        raise undifferentiable(error) from error
    return found[0]


def undifferentiable(error: RuntimeError) -> InputError | RuntimeError:
    """The error as one that names the operation, if it is PyTorch's for a missing derivative; else itself."""
    named = re.search(r"derivative for '?(?:aten::)?([\w.]+)'? is not implemented", str(error))
    if named is None:
        return error
    return InputError(f"losses use {named[1]}, which PyTorch cannot differentiate twice; replace the operation")


class UntraceableError(Exception):
    """There is no forward derivative, or it is not a list of operations without side effects."""


def tangent(function: Callable[[Tensor], Tensor], x: Tensor, u: Tensor) -> Tensor:
    """The derivative of `function` at x along u."""
    try:
        with forward_ad.dual_level(), torch.enable_grad():
            moved = forward_ad.make_dual(x.detach().requires_grad_(True), u)
            found = forward_ad.unpack_dual(function(moved)).tangent
            return torch.zeros_like(u) if found is None else found.detach()
    except RuntimeError as error:
        raise UntraceableError from error


def traced_tangent(function: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[Tensor], Tensor]:
    """u -> the derivative of `function` at x along u, as a straight line of tensor operations."""
    from torch.fx.experimental.proxy_tensor import make_fx  # takes a second or more to load

    try:
        traced = make_fx(functools.partial(tangent, function, x))(torch.zeros_like(x))
    except RuntimeError as error:
        raise UntraceableError from error
    traced.graph.eliminate_dead_code()
    with torch.no_grad():
        return _folded(traced)


def _folded(traced: fx.GraphModule) -> fx.GraphModule:
    """The operations that depend on the input; the values of all others are computed now and kept."""
    known: dict[fx.Node, Any] = {}
    new: dict[fx.Node, fx.Node] = {}
    graph, kept = fx.Graph(), torch.nn.Module()

    def argument(node: fx.Node) -> fx.Node:
        if node not in new:
            name = f"kept{sum(1 for _ in kept.buffers())}"
            kept.register_buffer(name, known[node].detach())
            new[node] = graph.get_attr(name)
        return new[node]

    for node in traced.graph.nodes:
        if node.op == "placeholder":
            new[node] = graph.placeholder(node.name)
        elif node.op == "get_attr":
            known[node] = getattr(traced, node.target)
        elif node.op == "output":
            graph.output(argument(node.args[0]))
        elif node.op == "call_function" and not _changes_its_input(node.target):
            if all(m in known for m in node.all_input_nodes):
                known[node] = node.target(*_at(node.args, known), **_at(node.kwargs, known))
            else:
                args = fx.node.map_arg(node.args, argument)
                new[node] = graph.call_function(node.target, args, fx.node.map_arg(node.kwargs, argument))
        else:
            raise UntraceableError(str(node.target))
    return fx.GraphModule(kept, graph)


def _at(arguments: Any, known: dict[fx.Node, Any]) -> Any:
    return fx.node.map_arg(arguments, known.__getitem__)


def _changes_its_input(operation: Any) -> bool:
    return bool(getattr(getattr(operation, "_schema", None), "is_mutable", False))
