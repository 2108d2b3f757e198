"""A game between networks is its field: values, products, transformations against a dense Jacobian made elsewhere."""

from __future__ import annotations

import copy
import functools
import gc
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install 'dynsys-games[networks]'")

from torch import nn  # noqa: E402

from dynsys import InputError  # noqa: E402
from dynsys.networks import NetworkGame  # noqa: E402
from dynsys.networks.linearisation import DIRECT  # noqa: E402
from dynsys.transforms import (  # noqa: E402
    consensus,
    conservative_relaxation,
    hamiltonian_descent,
    nagarajan_kolter,
    symplectic_gradient_adjustment,
)
from integrators import Euler, trajectory  # noqa: E402
from integrators.algorithms.players import Alternating  # noqa: E402

# --- random small smooth networks, and their fields written out -----------------------------------


class Sine(nn.Module):
    def forward(self, x):
        return torch.sin(x)


ACTIVATIONS = (nn.Tanh, nn.Softplus, nn.Sigmoid, nn.GELU, Sine)


def network(seed, inputs, widths, activation, dtype=torch.float64):
    torch.manual_seed(seed)
    layers = []
    for width in widths:
        layers += [nn.Linear(inputs, width), activation()]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, 1)).to(dtype)


@st.composite
def games(draw):
    """A game, its losses as one function of (outputs of each player's network), and its data."""
    seed, players = draw(st.integers(0, 999)), draw(st.sampled_from([2, 2, 3]))
    nets = {
        name: network(
            seed + k, 2, draw(st.lists(st.integers(1, 3), min_size=1, max_size=2)), draw(st.sampled_from(ACTIVATIONS))
        )
        for k, name in enumerate("abc"[:players])
    }
    torch.manual_seed(seed)
    rows = 2 * torch.rand(5, 2, dtype=torch.float64) - 1
    batch, joint = draw(st.booleans()), draw(st.booleans())

    def loss(i, *given):
        out = [net(given[-1] if batch else rows) for net in given[:players]]
        others = sum(out[j] for j in range(players) if j != i)
        return (out[i] * others + (1 + i) * out[i] ** 2 / 3 + torch.sin(others) * out[i]).mean()

    def all_losses(*given):
        return [loss(i, *given) for i in range(players)]

    separate = {name: functools.partial(loss, i) for i, name in enumerate(nets)}
    return NetworkGame(nets, all_losses if joint else separate, rows if batch else None)


def by_definition(game):
    """x -> v(x) as one differentiable function of one flat tensor, by nested `torch.func`, without our code."""
    modules, names = (
        list(game.layout.modules.values()),
        [[n for n, _ in m.named_parameters()] for m in game.layout.modules.values()],
    )
    shapes = [[p.shape for p in m.parameters()] for m in modules]
    sizes = [sum(p.numel() for p in m.parameters()) for m in modules]

    def losses(flat):
        parts, calls = flat.split(sizes), []
        for module, part, own, shape in zip(modules, parts, names, shapes, strict=True):
            pieces = part.split([s.numel() for s in shape])
            given = {n: p.view(s) for n, p, s in zip(own, pieces, shape, strict=True)}
            calls.append(functools.partial(torch.func.functional_call, module, given))
        evaluated = [lambda *a, call=call: call(a) for call in calls]
        batch = () if game.data is None else (game.data,)
        if callable(game.losses):
            return game.losses(*evaluated, *batch)
        return [loss(*evaluated, *batch) for loss in game.losses.values()]

    def v(flat):
        found, at = [], 0
        for i, size in enumerate(sizes):
            slope = torch.func.grad(lambda y, i=i: losses(y)[i])(flat)
            found.append(-slope[at : at + size])
            at += size
        return torch.cat(found)

    return v


def dense(v, x):
    """v(x) and its dense Jacobian, by reverse mode over reverse mode."""
    point = torch.from_numpy(np.array(x))
    return v(point).numpy(), torch.func.jacrev(v)(point).numpy()


def close(found, wanted, rtol=1e-9):
    """To rtol of the largest entry: rounding in sums of entries of that size."""
    assert_allclose(found, wanted, rtol=0, atol=rtol * (1 + np.abs(wanted).max()))


few = settings(max_examples=12)


@given(game=games(), seed=st.integers(0, 99))
@few
def test_values_and_products_are_those_of_the_dense_jacobian(game, seed):
    random = np.random.default_rng(seed)
    x, u, w = game.x + 0.3 * random.normal(size=game.n), *random.normal(size=(2, game.n))
    v, J = dense(by_definition(game), x)
    close(game(x), v)
    close(game.jvp(x, u), J @ u)
    close(game.jvp(x, w), J @ w)  # the operations traced for the first direction serve the second
    close(game.vjp(x, u), J.T @ u)
    close(game.vjp(x, w), J.T @ w)
    close(game.half_squared_norm_gradient(x), J.T @ v)
    if game.n < DIRECT - 10:
        close(game.jacobian(x), J)
    for player, own in game.slices.items():
        close(game.own_hessian_product(player, x, u[own]), J[own, own] @ u[own])
        i = list(game.players).index(player)
        close(game.own(x, (i,))[own], v[own])
    assert game(x).dtype == game.jvp(x, u).dtype == game.vjp(x, u).dtype == np.float64


@given(game=games(), seed=st.integers(0, 99), gamma=st.floats(0.1, 2))
@few
def test_transformed_fields_are_their_formulas_in_the_dense_jacobian(game, seed, gamma):
    x = game.x + 0.3 * np.random.default_rng(seed).normal(size=game.n)
    v, J = dense(by_definition(game), x)
    A, gradient = (J - J.T) / 2, J.T @ v
    close(conservative_relaxation(game)(x), -gradient)
    close(hamiltonian_descent(game)(x), -gradient)
    close(consensus(game, gamma)(x), v - gamma * gradient)
    close(symplectic_gradient_adjustment(game, gamma)(x), v - gamma * A.T @ v)
    product = (-v @ gradient) * (A.T @ v @ gradient) / game.n + 0.1
    if abs(product) > 1e-6:
        aligned = symplectic_gradient_adjustment(game, gamma, aligned=True)
        close(aligned(x), v - gamma * np.sign(product) * A.T @ v)
    for player, own in game.slices.items():
        others = np.setdiff1d(np.arange(game.n), np.arange(game.n)[own])
        wanted = v.copy()
        wanted[own] -= 2 * gamma * J[np.ix_(others, range(game.n)[own])].T @ v[others]
        close(nagarajan_kolter(game, player, gamma)(x), wanted)


def test_the_sign_of_aligned_sga_is_that_of_the_mean_over_the_variables():
    n, found = 4, set()
    for scale in np.linspace(0.05, 2, 40):
        modules = {"one": Numbers(1, 0.5), "two": Numbers(-0.5, 0.75)}
        game = NetworkGame(
            modules,
            {
                "one": lambda a, b, s=scale: s * (a.w @ b.w - (a.w**2).sum()),
                "two": lambda a, b, s=scale: -s * (a.w @ b.w + (b.w**3).sum()),
            },
        )
        a, b, eye = game.x[:2], game.x[2:], np.eye(2)
        v = scale * np.concatenate([2 * a - b, a + 3 * b**2])
        J = scale * np.block([[2 * eye, -eye], [eye, np.diag(6 * b)]])
        gradient, turned = J.T @ v, (J.T - J) @ v / 2
        product = -(v @ gradient) * (turned @ gradient)
        sign = 1 if product / n + 0.1 >= 0 else -1
        adjusted = symplectic_gradient_adjustment(game, 0.5, aligned=True)
        close(adjusted(game.x), v - 0.5 * sign * turned, 1e-12)
        assert "the sign of lam jumps" in adjusted.with_parameters(lam=0.1).piecewise
        assert not symplectic_gradient_adjustment(game, 0.5).piecewise
        found.add((sign, 1 if product + 0.1 >= 0 else -1, 1 if product / n - 0.1 >= 0 else -1))
    assert {(1, -1, -1), (-1, -1, -1)} <= found  # both signs, and where the mean or the bias decides


@given(game=games(), seed=st.integers(0, 99))
@settings(max_examples=6)
def test_jacobians_of_transformed_fields_are_derivatives_of_their_formulas(game, seed):
    random = np.random.default_rng(seed)
    x, u = game.x + 0.3 * random.normal(size=game.n), random.normal(size=game.n)
    v = by_definition(game)

    def relaxed(of):
        return lambda y: torch.func.vjp(of, y)[1](of(y))[0]

    def turned(y):
        return (relaxed(v)(y) - torch.func.jvp(v, (y,), (v(y),))[1]) / 2

    def mixed(y):
        return v(y) - 0.5 * relaxed(v)(y)

    cases = [
        (consensus(game, 0.5), mixed),
        (symplectic_gradient_adjustment(game, 0.7), lambda y: v(y) - 0.7 * turned(y)),
        (consensus(consensus(game, 0.5), 0.25, name="again"), lambda y: mixed(y) - 0.25 * relaxed(mixed)(y)),
    ]
    for field, formula in cases:
        w, J = dense(formula, x)
        close(field(x), w)
        close(field.jvp(x, u), J @ u)
        close(field.vjp(x, u), J.T @ u)


# --- one small game for the rest ------------------------------------------------------------------


class Numbers(nn.Module):
    """A player whose strategy is its parameters."""

    def __init__(self, *values, dtype=torch.float64):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(values, dtype=dtype))


def bilinear(dtype=torch.float64, n=2):
    one, two = Numbers(*range(1, n + 1), dtype=dtype), Numbers(*range(-1, n - 1), dtype=dtype)
    return NetworkGame({"one": one, "two": two}, {"one": lambda a, b: a.w @ b.w, "two": lambda a, b: -(a.w @ b.w)})


def pair(dtype=torch.float64, data=True):
    """Two small networks with data, one of them an identity for the other's frozen layer."""
    nets = {"g": network(1, 2, [3], nn.Tanh, dtype), "d": network(2, 2, [2, 2], nn.Softplus, dtype)}
    rows = torch.linspace(-1, 1, 12, dtype=dtype).view(6, 2)
    loss = {"g": lambda g, d, z: (g(z) * d(z)).mean(), "d": lambda g, d, z: -(g(z) * d(z)).mean() + (d(z) ** 2).mean()}
    return NetworkGame(nets, loss, rows)


def test_the_bilinear_game_is_the_curl_of_its_players():
    game = bilinear()
    assert_array_equal(game.x, [1, 2, -1, 0])
    assert_array_equal(game(game.x), [1, 0, 1, 2])
    assert_array_equal(game.jacobian(game.x), np.block([[np.zeros((2, 2)), -np.eye(2)], [np.eye(2), np.zeros((2, 2))]]))
    assert repr(game) == "NetworkGame(one: 2, two: 2)" and game.base is None and game.game is game


def test_coefficients_of_transformed_fields_are_named_parameters():
    game = bilinear()
    field = consensus(symplectic_gradient_adjustment(game, 0.5), 0.25)
    assert dict(field.parameters) == {"lam": 0.5, "gamma": 0.25}
    assert field.base.base is game and field.game is game and dict(field.base.parameters) == {"lam": 0.5}
    other = field.with_parameters(lam=0.75)
    assert dict(other.parameters) == {"lam": 0.75, "gamma": 0.25} and dict(other.base.parameters) == {"lam": 0.75}
    wanted = consensus(symplectic_gradient_adjustment(game, 0.75), 0.25)
    assert_array_equal(other(game.x), wanted(game.x))
    assert (other(game.x) != field(game.x)).any()
    with pytest.raises(InputError, match="did you mean 'gamma'"):
        field.with_parameters(gama=1)
    with pytest.raises(InputError, match="already uses the name 'gamma'; choose another with name="):
        consensus(field, 1)
    with pytest.raises(InputError, match="already uses the name 'one'"):
        consensus(game, 1, name="one")
    with pytest.raises(InputError, match="generator is 'thre', which is no player"):
        nagarajan_kolter(game, "thre", 1)


def test_single_precision_has_the_field_of_double_to_its_rounding():
    game = pair()
    small = game.to("float32")
    for kind in ("float32", np.float32, np.dtype("float32"), torch.float32):
        assert game.to(kind).dtype == np.float32
    x, u = game.x, np.random.default_rng(0).normal(size=game.n)
    for field, twin in ((game, small), (consensus(game, 0.5), consensus(small, 0.5))):
        for wanted, found in (
            (field(x), twin(x)),
            (field.jvp(x, u), twin.jvp(x, u)),
            (field.vjp(x, u), twin.vjp(x, u)),
        ):
            assert found.dtype == np.float32 and wanted.dtype == np.float64
            close(found, wanted, rtol=2e-6)  # a few dozen roundings of 6e-8
    assert small.to("float64").dtype == np.float64
    assert_array_equal(game.x, x)
    with pytest.raises(InputError, match="dtype is 'half'; give 'float32' or 'float64'"):
        game.to("half")


def test_what_a_game_answers_shares_no_memory_with_its_modules():
    for game in (bilinear(), NetworkGame({"only": Numbers(1.0, 2.0)}, {"only": lambda a: (a.w**4).sum()})):
        x = game.x
        kept = x.copy()
        for own in (game.x, game(x), game.jvp(x, x), game.vjp(x, x), game.layout.x, game.point_of(game.state_dict(x))):
            own[:] = 9.0
        for state in game.state_dict(x).values():
            state["w"].fill_(9.0)
        assert_array_equal(game.x, kept)
        assert_array_equal(x, kept)
        game.load(kept + 1)
        assert_array_equal(x, kept)
        assert_array_equal(game.x, kept + 1)


def test_the_value_that_a_linearisation_keeps_cannot_be_overwritten():
    game = pair()
    near = game.linearised(game.x)
    with pytest.raises(ValueError, match="read-only"):
        near.value[0] = 1.0
    value = game(game.x)
    value[:] = 0
    assert (game(game.x) != 0).any()


@pytest.mark.filterwarnings("error")
def test_points_may_be_read_only_integer_or_not_contiguous():
    game = pair()
    x = np.linspace(-1, 1, 2 * game.n)[::-2]
    locked = x.copy()
    locked.flags.writeable = False
    field = consensus(game, 0.5)
    for product in (game, field, lambda x: game.jvp(x, x), lambda x: field.vjp(x, x), game.half_squared_norm_gradient):
        assert_array_equal(product(x), product(x.copy()))
        assert_array_equal(product(locked), product(x.copy()))
        assert_array_equal(product(np.ones(game.n, int)), product(np.ones(game.n)))
    assert_array_equal(game.point_of(game.state_dict(locked)), locked)


def test_evaluating_leaves_modules_and_the_global_random_numbers_alone():
    game = pair()
    before = {name: value.clone() for name, value in game.layout.modules["d"].state_dict().items()}
    state = torch.get_rng_state()
    x = game.x + 1
    game(x), game.jvp(x, x), game.vjp(x, x), consensus(game, 0.5)(x), game.state_dict(x), game.modules_at(x)
    assert torch.equal(state, torch.get_rng_state())
    for name, value in game.layout.modules["d"].state_dict().items():
        assert torch.equal(before[name], value)
    assert all(p.grad is None for module in game.layout.modules.values() for p in module.parameters())


def test_products_do_not_change_from_call_to_call():
    game = pair()
    x, random = game.x, np.random.default_rng(0)
    u, w = random.normal(size=(2, game.n))
    first = game.jvp(x, u), game.vjp(x, u)
    for _ in range(3):
        game.jvp(x, w), game.vjp(x, w)
    assert_array_equal(game.jvp(x, u), first[0])
    assert_array_equal(game.vjp(x, u), first[1])
    assert_allclose(w @ game.jvp(x, u), u @ game.vjp(x, w), rtol=1e-12)


def test_only_the_losses_of_the_players_in_turn_are_evaluated():
    calls = []

    def loss(name, sign):
        def evaluated(a, b):
            calls.append(name)
            return sign * (a.w @ b.w)

        return evaluated

    game = NetworkGame({"one": Numbers(1, 2), "two": Numbers(3, 4)}, {"one": loss("one", 1), "two": loss("two", -1)})
    calls.clear()
    trajectory(game, game.x, Alternating(Euler()), h=0.1, steps=2)
    assert calls == ["one", "two"] * 2
    calls.clear()
    trajectory(game, game.x, Euler(), h=0.1, steps=2)
    assert sorted(calls) == ["one", "one", "two", "two"]


def test_one_function_for_all_losses_may_share_what_they_have_in_common_and_return_it_in_any_order():
    def first(a, b):
        return torch.tanh(a.w @ b.w) * a.w.sum()

    def second(a, b):
        return (b.w**2).sum() - torch.tanh(a.w @ b.w)

    def both(a, b):
        common = torch.tanh(a.w @ b.w)
        return {"two": (b.w**2).sum() - common, "one": common * a.w.sum()}

    modules = {"one": Numbers(1, 0.5), "two": Numbers(0.25, -0.75)}
    wanted, found = NetworkGame(modules, {"one": first, "two": second}), NetworkGame(modules, both)
    close(found(found.x), wanted(found.x), 1e-14)
    close(found.jacobian(found.x), wanted.jacobian(found.x), 1e-14)
    close(consensus(found, 0.5)(found.x), consensus(wanted, 0.5)(found.x), 1e-14)
    close(found.own(found.x, (0,))[:2], wanted(found.x)[:2], 1e-14)


def test_losses_may_be_modules_themselves():
    class Product(nn.Module):
        def forward(self, a, b):
            return a.w @ b.w

    game = NetworkGame({"one": Numbers(1, 2), "two": Numbers(3, 4)}, {"one": Product(), "two": lambda a, b: -a.w @ b.w})
    assert_array_equal(game(game.x), [-3, -4, 1, 2])


@pytest.mark.parametrize("kind", [tuple, list, "mapping", "nested"])
def test_data_may_be_any_nest_of_tensors(kind):
    z, y = torch.randn(4, 2, dtype=torch.float64), torch.tensor([0, 1, 1, 0])
    data = {"mapping": {"z": z, "y": y}, "nested": [{"z": z}, (y,)]}.get(kind) or kind((z, y))

    def loss(a, batch):
        z, y = {"mapping": lambda: (batch["z"], batch["y"]), "nested": lambda: (batch[0]["z"], batch[1][0])}.get(
            kind, lambda: batch
        )()
        return ((z @ a.w - y) ** 2).mean()

    game = NetworkGame({"a": Numbers(1, -1)}, {"a": loss}, data)
    residual = (z @ torch.tensor([1.0, -1.0]).double() - y).numpy()
    assert_allclose(game(game.x), -2 * (z.numpy().T @ residual) / 4, rtol=1e-13)
    assert game.samples == 4 and game.rows(np.array([2, 0]))  # no error


# --- modules as they come -------------------------------------------------------------------------


def test_state_dicts_go_out_and_come_in_with_the_same_point():
    game = pair()
    x = np.random.default_rng(0).normal(size=game.n)
    states = game.state_dict(x)
    assert_array_equal(game.point_of(states), x)
    old = game.x
    modules = game.modules_at(x)
    for player, module in modules.items():
        module.load_state_dict(states[player])  # strict: every name is there
    assert_array_equal(
        np.concatenate([p.detach().numpy().ravel() for m in modules.values() for p in m.parameters()]), x
    )
    assert_array_equal(game.x, old)
    value = game(x)
    game.load(x)
    assert_array_equal(game.x, x)
    losses = game.losses["g"](*game.layout.modules.values(), game.data)
    losses.backward()
    first = next(iter(game.slices.values()))
    slopes = [p.grad.numpy().ravel() for p in game.layout.modules["g"].parameters()]
    assert_allclose(np.concatenate(slopes), -value[first], rtol=1e-12)


def test_bad_states_are_refused_by_name():
    game = pair()
    states = game.state_dict(game.x)
    with pytest.raises(InputError, match="states has none for the player 'd'"):
        game.point_of({"g": states["g"]})
    with pytest.raises(InputError, match=r"'0\.weight' in the state of 'g' is missing; it must have shape \(3, 2\)"):
        game.point_of({**states, "g": {}})
    with pytest.raises(InputError, match=r"'2\.bias' in the state of 'g' has shape \(2,\); it must have shape \(1,\)"):
        game.point_of({**states, "g": {**states["g"], "2.bias": torch.zeros(2)}})


def test_loading_a_point_leaves_earlier_linearisations_right():
    frozen = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)).double()
    frozen[2].requires_grad_(False)
    game = NetworkGame({"a": frozen}, {"a": lambda a: (a(torch.eye(2).double()) ** 2).mean()})
    x = game.x
    near = game.linearised(x)
    wanted = near.vjp(x)
    game.load(x + 1)
    assert_array_equal(near.vjp(x), wanted)
    assert_array_equal(near.jvp(x), game.jvp(x, x))


def test_frozen_parameters_stay_and_are_no_variables():
    net = network(3, 2, [2], nn.Tanh)
    net[0].requires_grad_(False)
    game = NetworkGame({"a": net}, {"a": lambda a: (a(torch.eye(2).double()) ** 2).mean()})
    assert game.n == 3 and game.x.shape == (3,)
    before = net[0].weight.clone()
    game.load(game.x + 1)
    game.state_dict(game.x)["a"]["0.weight"].zero_()
    assert torch.equal(net[0].weight, before)
    assert_array_equal(game.point_of(game.state_dict([1, 2, 3])), [1, 2, 3])


def test_a_parameter_tied_within_one_module_is_one_variable_under_all_its_names():
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Tanh(), nn.Linear(2, 2, bias=False)).double()
    net[2].weight = net[0].weight
    inputs = torch.eye(2).double() + 0.5
    game = NetworkGame({"a": net}, {"a": lambda a: (a(inputs) ** 2).mean()})
    assert game.n == 4
    x = np.array([0.3, -0.2, 0.5, 0.1])

    def v(flat):
        W = flat.view(2, 2)
        return -torch.func.grad(lambda W: ((torch.tanh(inputs @ W.T) @ W.T) ** 2).mean())(W).view(-1)

    wanted, J = dense(v, x)
    close(game(x), wanted)
    close(game.vjp(x, x), J.T @ x)
    close(game.jvp(x, x), J @ x)
    state = game.state_dict(x)["a"]
    assert torch.equal(state["0.weight"], state["2.weight"])
    state["2.weight"].zero_()  # every entry has a memory of its own
    assert_array_equal(state["0.weight"].numpy().ravel(), x)
    game.load(x)
    assert_array_equal(game.x, x)
    assert net[0].weight is net[2].weight
    copied = game.modules_at(2 * x)["a"]
    assert_array_equal(copied[2].weight.detach().numpy().ravel(), 2 * x)


def test_players_may_have_any_name_even_one_of_pytorchs_own():
    game = NetworkGame({"type": Numbers(1, 2), "forward": Numbers(3, 4)}, lambda a, b: (a.w @ b.w, -a.w @ b.w))
    assert_array_equal(game(game.x), [-3, -4, 1, 2])
    assert list(game.state_dict(game.x)) == ["type", "forward"]
    with pytest.raises(InputError, match="modules: 'a b' is no name"):
        NetworkGame({"a b": Numbers(1)}, {"a b": lambda a: (a.w**2).sum()})


# --- buffers and random numbers -------------------------------------------------------------------


def normed(**options):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3, **options), nn.Tanh(), nn.Linear(3, 1)).double()


def square(net, batch):
    return (net(batch) ** 2).mean()


ROWS = torch.linspace(-1, 2, 12, dtype=torch.float64).view(6, 2) ** 2


def test_a_batch_norm_that_keeps_statistics_is_refused_and_left_as_it_was():
    net = normed()
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(
        InputError, match=r"changes the buffer 'critic\.1\.running_mean'.*eval mode.*track_running_stats"
    ):
        NetworkGame({"critic": net}, {"critic": square}, ROWS)
    for name, value in net.state_dict().items():
        assert torch.equal(before[name], value), name


@pytest.mark.parametrize("mode", ["eval", "untracked"])
def test_a_batch_norm_without_a_past_is_part_of_the_field(mode):
    net = normed(track_running_stats=mode == "eval")
    if mode == "eval":
        net(ROWS)  # statistics other than 0 and 1
        net.eval()
    game = NetworkGame({"a": net}, {"a": square}, ROWS)
    net_state = copy.deepcopy(net.state_dict())
    v, J = dense(by_definition(game), game.x)
    u = np.random.default_rng(0).normal(size=game.n)
    close(game(game.x), v)
    close(game.jvp(game.x, u), J @ u)
    close(game.vjp(game.x, u), J.T @ u)
    for name, value in net.state_dict().items():
        assert torch.equal(net_state[name], value)


@pytest.mark.parametrize("p", [0.5, 1e-6])
def test_losses_that_draw_random_numbers_are_refused_however_seldom_it_shows(p):
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(p), nn.Linear(2, 1)).double()
    with pytest.raises(InputError, match=r"the loss of 'a' draws random numbers of its own \(dropout\?\).*eval mode"):
        NetworkGame({"a": net}, {"a": square}, ROWS)
    NetworkGame({"a": net.eval()}, {"a": square}, ROWS)


def test_losses_that_remember_are_refused():
    calls = []

    def loss(a):
        calls.append(0)
        return (a.w**2).sum() * len(calls)

    with pytest.raises(InputError, match="the loss of 'a' differs between two evaluations at one point"):
        NetworkGame({"a": Numbers(1)}, {"a": loss})


# --- derivatives that PyTorch lacks ---------------------------------------------------------------


class Cube(torch.autograd.Function):
    """x³ with two derivatives in reverse and none forward."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * grad


class Once(Cube):
    """x³ with one derivative."""

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * grad


def cubic(power):
    losses = {
        "one": lambda a, b: (power(a.w) * b.w).sum(),
        "two": lambda a, b: -(a.w * power(b.w)).sum() + b.w @ a.w * a.w[0],
    }
    return NetworkGame({"one": Numbers(1, 2), "two": Numbers(0.5, -1)}, losses)


def test_an_operation_without_a_forward_derivative_has_the_same_products():
    plain, custom = cubic(lambda w: w**3), cubic(Cube.apply)
    u = np.array([0.3, -1.0, 2.0, 0.5])
    for field, wanted in ((custom, plain), (consensus(custom, 0.5), consensus(plain, 0.5))):
        close(field(plain.x), wanted(plain.x), 1e-13)
        close(field.vjp(plain.x, u), wanted.vjp(plain.x, u), 1e-13)
        close(field.jvp(plain.x, u), wanted.jvp(plain.x, u), 1e-13)
        close(field.jvp(plain.x, 2 * u), wanted.jvp(plain.x, 2 * u), 1e-13)


def test_the_ways_to_a_product_agree_and_the_trace_to_the_bit():
    game = pair()
    u = np.random.default_rng(0).normal(size=game.n)
    near = game.linearised(game.x)
    direct = near.jvp(u)
    assert near.taken == 1 and "_traced" not in near.__dict__
    near.taken = DIRECT
    assert_array_equal(near.jvp(u), direct)
    assert isinstance(near.__dict__["_traced"], torch.fx.GraphModule)
    assert_allclose(near.jvp(2 * u), 2 * direct, rtol=1e-12)  # nothing of the first direction is kept
    assert_array_equal(near.jvp(0 * u), 0 * u)
    close(near._twice_reversed(torch.from_numpy(u)).numpy(), direct, 1e-13)


def test_losses_that_look_at_values_are_not_traced_and_keep_their_products():
    def loss(a):
        return (a.w**3).sum() if a.w.sum().item() > 0 else (a.w**2).sum()

    near = NetworkGame({"a": Numbers(1, 2)}, {"a": loss}).linearised([1, 2])
    near.taken = DIRECT
    assert_allclose(near.jvp(np.ones(2)), [-6, -12], rtol=1e-14)


def test_an_operation_without_a_second_derivative_is_named():
    game = NetworkGame({"a": Numbers(1, 2, 3, 5, 8, 13)}, {"a": lambda a: torch.pdist(a.w.view(3, 2)).sum()})
    x, field = game.x, consensus(game, 0.5)
    assert np.isfinite(game(x)).all()  # first derivatives are there
    for act in (game.vjp, game.jvp, field.vjp, field.jvp, lambda x, _: field(x)):
        with pytest.raises(InputError, match="losses use _pdist_backward, which PyTorch cannot differentiate twice"):
            act(x, x)


def test_an_operation_whose_derivative_is_a_constant_to_pytorch_is_refused_by_name():
    with pytest.raises(InputError, match="the loss of 'one' uses Once, which is marked with @once_differentiable"):
        cubic(Once.apply)


def test_a_field_that_does_not_depend_on_a_player_has_zero_products():
    game = NetworkGame(
        {"one": Numbers(1, 2), "two": Numbers(3)}, {"one": lambda a, b: a.w.sum(), "two": lambda a, b: b.w.sum()}
    )
    for product in (game.jvp, game.vjp):
        assert_array_equal(product(game.x, game.x), np.zeros(3))
    assert_array_equal(consensus(game, 0.5)(game.x), -np.ones(3))
    assert_array_equal(symplectic_gradient_adjustment(game)(game.x), -np.ones(3))
    assert_array_equal(consensus(game, 0.5).jvp(game.x, game.x), np.zeros(3))


# --- piecewise smooth -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (nn.functional.relu, "relu"), (lambda t: t.clone().relu_(), "relu"), (nn.LeakyReLU(), "leaky_relu"),
        (abs, "abs"),
        (lambda t: t.clamp(0, 1), "clamp"), (torch.round, "round"), (lambda t: torch.where(t > 0, t, 0 * t), "where"),
        (lambda t: torch.max(t, 0 * t), "max"), (lambda t: t.norm(), "norm"), (nn.SELU(), "selu"),
        (lambda t: nn.functional.max_pool1d(t.view(1, 1, -1), 2), "max_pool1d"),
    ],
)  # fmt: skip
def test_functions_that_are_smooth_in_pieces_are_named(function, name):
    game = NetworkGame({"a": Numbers(1, 2)}, {"a": lambda a: (a.w * function(a.w)).sum()})
    assert game.almost_everywhere == f"{name}: derivatives hold almost everywhere"
    assert consensus(game, 0.5).almost_everywhere == game.almost_everywhere


def test_smooth_networks_have_no_such_note():
    for activation in ACTIVATIONS:
        net = network(0, 2, [2], activation)
        assert NetworkGame({"a": net}, {"a": square}, ROWS).almost_everywhere == ""


def test_derivatives_of_relu_networks_are_those_of_the_piece():
    net = network(0, 2, [4], nn.ReLU)
    game = NetworkGame({"a": net}, {"a": square}, ROWS)
    v, J = dense(by_definition(game), game.x)
    close(game(game.x), v)
    u = np.random.default_rng(0).normal(size=game.n)
    close(game.jvp(game.x, u), J @ u)
    close(game.vjp(game.x, u), J.T @ u)


# --- memory ---------------------------------------------------------------------------------------


def test_linearisations_and_fields_of_batches_go_with_their_last_reference():
    game = pair()
    gc.collect()
    gc.disable()
    try:
        near = game.near(game.x)
        near.vjp(game.x)
        field = game.on_batch(batch := game.rows(np.arange(3)))
        trajectory(field, game.x, Alternating(), h=0.1, steps=2)
        consensus(field, 0.5)(game.x)
        refs = [weakref.ref(near), weakref.ref(field), weakref.ref(batch)]
        del near, field, batch
        assert [ref() for ref in refs] == [None] * 3
    finally:
        gc.enable()


# --- bad input ------------------------------------------------------------------------------------

SHARED = Numbers(1, 2)
game = NetworkGame
ONE = {"a": Numbers(1)}
ZERO = {"a": lambda a, *rest: (a.w**2).sum()}
BAD = {
    "modules a list": (lambda: game([Numbers(1)], ZERO), "modules is [Numbers()]; give a mapping, player to torch"),
    "modules empty": (lambda: game({}, ZERO), "modules is {}; give a mapping"),
    "no module": (lambda: game({"a": torch.zeros(3)}, ZERO), "give a torch.nn.Module"),
    "nothing to play with": (lambda: game({"a": nn.Tanh()}, ZERO), "modules['a'] has no parameter that requires"),
    "shared parameter": (
        lambda: game({"a": SHARED, "b": nn.ModuleList([SHARED])}, lambda a, b: (a.w.sum(), a.w.sum())),
        "the parameter '0.w' of 'b' is shared with 'a'; each parameter belongs to one player: copy",
    ),
    "half precision": (lambda: game({"a": Numbers(1, dtype=torch.float16)}, ZERO), "a.w has the type torch.float16;"),
    "two precisions": (
        lambda: game({"a": Numbers(1), "b": Numbers(1, dtype=torch.float32)}, {**ZERO, "b": ZERO["a"]}),
        "a.w has torch.float64 and b.w has torch.float32; convert all with .float() or all with .double()",
    ),
    "data of another precision": (
        lambda: game(ONE, ZERO, torch.zeros(3)),
        "data holds torch.float32 but the modules hold torch.float64; convert one with .to(torch.float64)",
    ),
    "data of NumPy": (lambda: game(ONE, ZERO, np.zeros(3)), "data holds array([0., 0., 0.]); give tensors"),
    "data of two lengths": (
        lambda: game(ONE, ZERO, (torch.zeros(3, dtype=int), torch.zeros(2, dtype=int))),
        "data holds tensors of ['2', '3'] rows; all need the same number",
    ),
    "data a scalar": (lambda: game(ONE, ZERO, torch.tensor(1)), "all need the same number of rows"),
    "data empty": (lambda: game(ONE, ZERO, torch.zeros(0, 2).double()), "data has no rows"),
    "data a hollow": (lambda: game(ONE, ZERO, ()), "data holds no tensor; give tensors"),
    "losses nothing": (lambda: game(ONE, 3), "losses is 3; give a mapping, player to function"),
    "losses for nobody": (lambda: game(ONE, {**ZERO, "b": max}), "losses has 'b', which is no player"),
    "losses missing": (lambda: game(ONE, {}), "losses has no function for 'a'"),
    "losses no function": (lambda: game(ONE, {"a": 1.0}), "losses has no function for 'a'"),
    "loss a vector": (
        lambda: game({"a": Numbers(1, 2)}, {"a": lambda a: a.w**2}),
        "the loss of 'a' has shape (2,); it must be a scalar tensor: take .mean()",
    ),
    "loss a float": (lambda: game(ONE, {"a": lambda a: 1.0}), "the loss of 'a' is 1.0; it must be a"),
    "loss an item": (lambda: game(ONE, {"a": lambda a: a.w.sum().item()}), "it must be a scalar tensor"),
    "loss of another precision": (
        lambda: game(ONE, {"a": lambda a: a.w.sum().float()}),
        "the loss of 'a' is torch.float32 but the modules hold torch.float64",
    ),
    "loss without derivative": (
        lambda: game({"a": Numbers(1, 2)}, {"a": lambda a: a.w.argmax().double()}),
        "the loss of 'a' has no derivative by its own parameters: the derivative ends at argmax",
    ),
    "loss detached": (lambda: game(ONE, {"a": lambda a: a.w.detach().sum()}), "the derivative ends at detach"),
    "loss of the other": (
        lambda: game({"a": Numbers(1), "b": Numbers(1)}, {"a": lambda a, b: b.w.sum(), "b": lambda a, b: b.w.sum()}),
        "the loss of 'a' has no derivative by its own parameters",
    ),
    "joint losses too few": (lambda: game(ONE, lambda a: []), "give one scalar for each of a"),
    "joint losses without one": (
        lambda: game(ONE, lambda a: {"b": a.w.sum()}),
        "losses returns none for 'a'; it returns b",
    ),
    "losses that fail": (
        lambda: game(ONE, {"a": lambda a, b: a.w.sum()}),
        "losses cannot be evaluated: TypeError: ",
    ),
    "losses of a wrong shape": (
        lambda: game({"a": network(0, 2, [2], nn.Tanh)}, {"a": square}, torch.ones(3, 5).double()),
        "mat1 and mat2 shapes cannot be multiplied",
    ),
    "a batch where there is no data": (
        lambda: bilinear().on_batch(torch.zeros(1).double()),
        "has no data, and its losses",
    ),
    "rows where there is no data": (lambda: bilinear().rows(np.arange(2)), "has no rows of data to choose from"),
    "a batch in another precision": (lambda: pair().on_batch(torch.zeros(2, 2)), "batch holds torch.float32 but"),
    "an empty batch": (lambda: pair().on_batch(torch.zeros(0, 2).double()), "batch has no rows"),
    "x short": (lambda: bilinear()([1.0]), "x has shape (1,); the field has 4 variables (2 of one, 2 of two)"),
    "x loaded short": (lambda: bilinear().load([1.0]), "x has shape (1,); the field has 4 variables"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_makes_no_game_is_refused_with_its_name_and_a_remedy(case):
    act, message = BAD[case]
    with pytest.raises(InputError) as caught:
        act()
    assert message in str(caught.value)
