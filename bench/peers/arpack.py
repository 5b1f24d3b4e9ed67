"""SciPy's `eigsh` on a product, counted."""

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh


def largest(product, size, count, dtype, **options):
    """The `count` largest eigenvalues, descending, their vectors as rows, and the products used.

    `product` maps a NumPy vector to a NumPy vector. Without options everything but `which` is
    SciPy's default: a random start, 20 Lanczos vectors, and accuracy down to rounding. (`which`
    would be the largest magnitude: not the same thing when the smallest eigenvalue is far below 0.)
    """
    used = 0

    def multiply(vector):
        nonlocal used
        used += 1
        return product(vector.reshape(-1).astype(dtype, copy=False))

    operator = LinearOperator((size, size), matvec=multiply, dtype=dtype)
    values, vectors = eigsh(operator, k=count, which="LA", **options)
    order = np.argsort(values)[::-1]
    return values[order], vectors.T[order], used


class Exact:
    """The referee's eigenvalues, at one set of weights after another.

    Residuals are at most 1e-4·θ, which leaves an error of their square over the gap, 1e-8·θ²/gap, in
    a value θ: nothing beside the 1e-3 that contestants are allowed. A solve starts from the last
    one's eigenvectors, for weights that lie close by, and a random tenth, so that none is missed for
    having no share in the start. 12 Lanczos vectors need fewer products than SciPy's default of 20.
    """

    TOLERANCE, LANCZOS_VECTORS, RANDOM = 1e-4, 12, 0.1

    def __init__(self):
        self.last, self.random = None, np.random.default_rng(0)

    def solve(self, product, size, count):
        """The `count` largest eigenvalues in float64, descending."""
        start = self.random.standard_normal(size)
        if self.last is not None:
            start *= self.RANDOM * np.linalg.norm(self.last) / np.linalg.norm(start)
            start += self.last
        options = {"tol": self.TOLERANCE, "ncv": self.LANCZOS_VECTORS, "v0": start}
        values, vectors, _ = largest(product, size, count, np.float64, **options)
        self.last = vectors.sum(0)
        return values
