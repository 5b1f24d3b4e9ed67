"""SciPy's `eigsh` on a product, counted."""

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh


def largest(product, size, count, dtype, **options):
    """The `count` largest eigenvalues, descending, their vectors as rows, and the products used.

    `product` maps a NumPy vector to a NumPy vector. Without options these are SciPy's defaults: a
    random start, 20 Lanczos vectors, and accuracy down to rounding.
    """
    used = 0

    def multiply(vector):
        nonlocal used
        used += 1
        return product(vector.reshape(-1).astype(dtype, copy=False))

    operator = LinearOperator((size, size), matvec=multiply, dtype=dtype)
    values, vectors = eigsh(operator, k=count, **options)
    order = np.argsort(values)[::-1]
    return values[order], vectors.T[order], used
