"""Field transformations: a field in, a field out, the coefficient a named parameter of the result."""

from dynsys.transforms.leadership import follow_the_ridge, stackelberg_gradient
from dynsys.transforms.relaxation import consensus, conservative_relaxation, hamiltonian_descent, nagarajan_kolter
from dynsys.transforms.symplectic import local_symplectic_surgery, symplectic_gradient_adjustment

__all__ = [
    "consensus",
    "conservative_relaxation",
    "follow_the_ridge",
    "hamiltonian_descent",
    "local_symplectic_surgery",
    "nagarajan_kolter",
    "stackelberg_gradient",
    "symplectic_gradient_adjustment",
]
