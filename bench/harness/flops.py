"""The matrix products of a fully connected network's programs, and their operations.

With widths d₀ (inputs), d₁, …, d_L (outputs) and n samples, every layer's products are of the size
n × d_{l−1} × d_l, 2·n·d_{l−1}·d_l operations each:

* a gradient does three a layer (forward, weight gradient, input gradient), without the last of them
  in the first layer: 3·Σ − 1 for the first;
* a product with the Hessian, linearised, does six a layer (two each, by the product rule, where a
  gradient does one) and two in the first, whose input does not move.

A block of k vectors makes each of them k times as long, as one product.

Compressed inputs are a triangular matrix. Its products, and those of its transpose, are cut into
bands that leave out most of the zeros, as brink does.
"""

# As in `crates/linearize/src/execute/staircase.rs`.
BANDS = 6


def with_inputs(samples, inputs, columns, triangular):
    """X·B and Xᵀ·C for the inputs X of a layer."""
    if not triangular:
        return [[samples, inputs, columns, "NN"], [inputs, samples, columns, "TN"]]
    products = []
    ends = [band * samples // BANDS for band in range(BANDS + 1)]
    for start, end in zip(ends, ends[1:]):
        products.append([end - start, end, columns, "NN"])
        products.append([end - start, samples - start, columns, "TN"])
    return products


def gradient(samples, widths, triangular=False):
    """The products of a gradient, each `[rows, inner, columns, layout]`."""
    products = []
    for layer, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        products += with_inputs(samples, inputs, outputs, triangular and layer == 0)
        if layer > 0:
            products.append([samples, outputs, inputs, "NT"])
    return products


def hessian_product(samples, widths, block, triangular=False):
    """The products of a Hessian-vector product for a block of vectors."""
    products = []
    for layer, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        # A·Ẇ with the block's columns beside each other, and Aᵀ·δ̇.
        products += with_inputs(samples, inputs, block * outputs, triangular and layer == 0)
        if layer > 0:
            # Ȧ·W and δ̇·Wᵀ with the block's rows below each other; Ȧᵀ·δ and δ·Ẇᵀ.
            products.append([block * samples, inputs, outputs, "NN"])
            products.append([block * samples, outputs, inputs, "NT"])
            products.append([block * inputs, samples, outputs, "TN"])
            products.append([samples, outputs, block * inputs, "NT"])
    return products


def operations(products):
    """Floating-point operations, additions and multiplications."""
    return sum(2 * rows * inner * columns for rows, inner, columns, _ in products)
