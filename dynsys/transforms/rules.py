"""One rule for every kind of field: how v and its Jacobian make the transformed field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from dynsys.errors import InputError, shown
from dynsys.expressions import check_name, symbol
from dynsys.field import VectorField
from dynsys.matrix_free import MatrixFreeField

AField = TypeVar("AField", VectorField, MatrixFreeField)


def transformed(v: AField, rule: Callable[..., Any], coefficients: Mapping[str, float], kind: str) -> AField:
    """The field w = rule(v, J, *coefficients), called "`kind` of" the field.

    The rule is written in the algebra of `dynsys.vector`: on a `VectorField` it meets expressions, the Jacobian as
    rows; on the field of a network one tensor a player, the Jacobian as what knows its products.
    """
    name = f"{kind} of {getattr(v, 'name', '')}".removesuffix(" of ")
    if isinstance(v, MatrixFreeField):
        return v.transformed(rule, coefficients, name)
    if not isinstance(v, VectorField):
        raise InputError(f"v is {shown(v)}; {kind} takes a VectorField or the field of a network")
    symbols = [symbol(check_name(coefficient, "name")) for coefficient in coefficients]
    return v.transformed(rule(v.expressions, v.jacobian_expressions, *symbols), coefficients, name)
