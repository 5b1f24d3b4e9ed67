"""Hand-tuned block LOBPCG in JAX: warm-started, stopped on residual²/gap.

Blocks stay on JAX's side; NumPy sees matrices of the size of the search basis, in float64.
"""

import jax
import jax.numpy as jnp
import numpy as np


@jax.jit
def grams(basis, images):
    """S·Sᵀ and S·(A·S)ᵀ."""
    return basis @ basis.T, basis @ images.T


@jax.jit
def residuals(block, images, values):
    """A·x − θ·x by row, and the norms."""
    rest = images - values[:, None] * block
    return rest, jnp.sqrt(jnp.sum(rest * rest, 1))


@jax.jit
def stacked(*blocks):
    """Blocks above one another."""
    return jnp.concatenate(blocks)


@jax.jit
def scaled_rows(rows, block, lengths):
    """Some rows, to unit length."""
    return block[rows] / lengths[rows][:, None]


@jax.jit
def combined(coefficients, basis, images):
    """C·S and C·(A·S)."""
    return coefficients @ basis, coefficients @ images


def rayleigh_ritz(gram, image_gram, count):
    """The `count` largest Ritz values and the coefficients of their unit vectors, in float64.

    Nearly dependent directions are dropped (SVQB).
    """
    gram, image_gram = np.asarray(gram, np.float64), np.asarray(image_gram, np.float64)
    lengths = 1 / np.sqrt(np.maximum(np.diag(gram), 1e-300))
    shares, directions = np.linalg.eigh((gram + gram.T) / 2 * np.outer(lengths, lengths))
    kept = shares > 1e-6 * shares[-1]
    base = lengths[:, None] * directions[:, kept] / np.sqrt(shares[kept])
    small = base.T @ ((image_gram + image_gram.T) / 2) @ base
    values, vectors = np.linalg.eigh((small + small.T) / 2)
    return values[::-1][:count], (base @ vectors[:, ::-1][:, :count]).T


class Lobpcg:
    """Follows the `count` largest eigenvalues, with one guard row below them.

    Only wanted pairs that are not converged get a product for their residual: sharpening the guard
    as well costs a third more products and gains nothing here (tried).
    """

    def __init__(self, size, count, tolerance, dtype, seed=0):
        self.count, self.rows, self.tolerance = count, count + 1, tolerance
        self.dtype = dtype
        start = np.random.default_rng(seed).standard_normal((self.rows, size))
        self.block = jnp.asarray(start.astype(dtype))

    def compile(self):
        """Compiles every shape that may occur, so that no step is charged for it."""
        size, rows = self.block.shape[1], self.rows
        for active in range(1, self.count + 1):
            some = jnp.zeros((active, size), self.dtype)
            scaled_rows(np.arange(active), self.block, jnp.ones(rows, self.dtype))
            for before in (0, rows):
                height = rows + active + before
                whole = jnp.zeros((height, size), self.dtype)
                grams(whole, whole)
                combined(jnp.zeros((rows, height), self.dtype), whole, whole)
                combined(jnp.zeros((rows, height - rows), self.dtype), whole[rows:], whole[rows:])
                blocks = [self.block, some] + ([self.block] if before else [])
                stacked(*blocks).block_until_ready()

    def solve(self, apply, most=500):
        """Values of the wanted pairs and the products used; `apply` multiplies a block of rows."""
        to_device = lambda array: jnp.asarray(np.ascontiguousarray(array, self.dtype))
        block, images = self.block, apply(self.block)
        products, directions = self.rows, None
        values, turn = rayleigh_ritz(*jax.device_get(grams(block, images)), self.rows)
        block, images = combined(to_device(turn), block, images)
        for _ in range(most):
            rest, lengths = residuals(block, images, to_device(values))
            norms = np.asarray(lengths, np.float64)
            wanted = norms[: self.count]
            gap = np.maximum(values[: self.count] - values[-1], 1e-30)
            bound = np.minimum(wanted, wanted**2 / gap)
            open_rows = np.flatnonzero(bound > self.tolerance * np.abs(values[: self.count]))
            if open_rows.size == 0:
                break
            fresh = scaled_rows(open_rows, rest, lengths)
            fresh_images = apply(fresh)
            products += len(open_rows)
            parts = [(block, images), (fresh, fresh_images)]
            parts += [directions] if directions else []
            basis, basis_images = (stacked(*side) for side in zip(*parts))
            pair = jax.device_get(grams(basis, basis_images))
            values, turn = rayleigh_ritz(*pair, self.rows)
            block, images = combined(to_device(turn), basis, basis_images)
            beyond = to_device(turn[:, self.rows :])
            directions = combined(beyond, basis[self.rows :], basis_images[self.rows :])
        self.block = block
        return values[: self.count], products
