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
