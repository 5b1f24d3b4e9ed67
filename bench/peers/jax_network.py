"""The networks in JAX, as losses of one flat vector of parameters."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


class Network:
    """Loss and layout of a problem.

    `form` says how convolutions are computed: `conv` by XLA's own, `patches` as matrix products on
    gathered 3×3 neighbourhoods. Images are [n, height, width, channel], linear weights [in, out],
    kernels [height, width, in, out]: the orders that XLA likes.
    """

    def __init__(self, problem, form="conv"):
        self.kind = problem.kind
        self.factor = problem.factor
        self.form = form
        self.activate = jnp.tanh if problem.activation == "tanh" else (lambda x: x)
        self.side = None
        if self.kind == "cnn":
            self.side = int(round((problem.x.shape[1] / 3) ** 0.5))
        self.has_bias = [bias is not None for _, bias in problem.weights]
        parts = self.parts(problem.weights)
        self.shapes = [part.shape for part in parts]
        self.sizes = [part.size for part in parts]
        self.size = sum(self.sizes)

    def parts(self, layers):
        """The parameters in this layout, from layers as the files have them."""
        last, parts = len(layers) - 1, []
        for index, (weight, bias) in enumerate(layers):
            if weight.ndim == 4:
                weight = weight.transpose(2, 3, 1, 0)
            elif self.kind == "cnn" and index == last:
                weight = self.head_to_ours(weight)
            else:
                weight = weight.T
            parts.append(weight)
            if bias is not None:
                parts.append(bias)
        return parts

    def head_to_ours(self, weight):
        """The head's weight [out, channel·row·column] as [row·column·channel, out]."""
        outputs = weight.shape[0]
        side = self.side >> (len(self.has_bias) - 1)
        maps = weight.reshape(outputs, -1, side, side)
        return maps.transpose(2, 3, 1, 0).reshape(-1, outputs)

    def flatten(self, layers):
        """Layers as one vector [P]."""
        return np.concatenate([part.reshape(-1) for part in self.parts(layers)])

    def layers(self, theta):
        """A vector [P] as layers, the inverse of `flatten`."""
        parts = [np.asarray(part) for part in self.split(np.asarray(theta))]
        last, layers = len(self.has_bias) - 1, []
        for index, has_bias in enumerate(self.has_bias):
            weight = parts.pop(0)
            if weight.ndim == 4:
                weight = weight.transpose(3, 2, 0, 1)
            elif self.kind == "cnn" and index == last:
                side = self.side >> last
                maps = weight.reshape(side, side, -1, weight.shape[1])
                weight = maps.transpose(3, 2, 0, 1).reshape(weight.shape[1], -1)
            else:
                weight = weight.T
            layers.append((weight, parts.pop(0) if has_bias else None))
        return layers

    def split(self, theta):
        """A vector [P] cut into parameters."""
        parts, start = [], 0
        for shape, size in zip(self.shapes, self.sizes):
            parts.append(theta[start : start + size].reshape(shape))
            start += size
        return parts

    def inputs(self, x):
        """The design matrix [n, d], whose images are planes, in the shape that `loss` takes."""
        if self.kind == "cnn":
            x = x.reshape(-1, 3, self.side, self.side).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(x)

    def loss(self, theta, x, y):
        """L = (κ/n) ‖F − Y‖²."""
        outputs = self.outputs(self.split(theta), x)
        return self.factor / x.shape[0] * jnp.sum((outputs - y) ** 2)

    def outputs(self, parts, x):
        """F, [n, c]."""
        parts, last = list(parts), len(self.has_bias) - 1
        for index, has_bias in enumerate(self.has_bias):
            weight = parts.pop(0)
            if weight.ndim == 4:
                x = self.convolve(x, weight)
            else:
                x = x.reshape(x.shape[0], -1) @ weight
            if has_bias:
                x = x + parts.pop(0)
            if index < last:
                x = self.activate(x)
                if weight.ndim == 4:
                    x = pool(x)
        return x

    def convolve(self, x, kernel):
        """Stride 1, zero padding that keeps the size."""
        if self.form == "conv":
            numbers = ("NHWC", "HWIO", "NHWC")
            return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=numbers)
        high, wide, inputs, outputs = kernel.shape
        rows, columns = x.shape[1:3]
        padded = jnp.pad(x, ((0, 0), (high // 2,) * 2, (wide // 2,) * 2, (0, 0)))
        near = [padded[:, i : i + rows, j : j + columns] for i in range(high) for j in range(wide)]
        return jnp.concatenate(near, -1) @ kernel.reshape(high * wide * inputs, outputs)


def pool(x):
    """Means of 2×2 windows."""
    n, rows, columns, channels = x.shape
    return x.reshape(n, rows // 2, 2, columns // 2, 2, channels).mean((2, 4))


class Programs:
    """Jitted programs of one network: everything is a function of θ, x and y."""

    def __init__(self, network):
        loss = network.loss
        slope = jax.grad(loss)

        def gradient(theta, x, y):
            return jax.value_and_grad(loss)(theta, x, y)

        def linearize(theta, x, y):
            at, push = jax.linearize(lambda t: jax.value_and_grad(loss)(t, x, y), theta)
            return at, push

        def pushed(push, vector):
            return push(vector)[1]

        def unrolled(push, block):
            return jnp.stack([pushed(push, row) for row in block])

        def vmapped(push, block):
            return jax.vmap(lambda row: pushed(push, row))(block)

        def forward_over_reverse(theta, x, y, vector):
            return jax.jvp(lambda t: slope(t, x, y), (theta,), (vector,))[1]

        def reverse_over_reverse(theta, x, y, vector):
            return jax.grad(lambda t: jnp.vdot(slope(t, x, y), vector))(theta)

        self.gradient = jax.jit(gradient)
        self.linearize = jax.jit(linearize)
        self.blocks = {"vmap": jax.jit(vmapped), "unrolled": jax.jit(unrolled)}
        self.products = {
            "jvp of grad": jax.jit(forward_over_reverse),
            "double backward": jax.jit(reverse_over_reverse),
        }
        self.update = jax.jit(lambda theta, slope, step_size: theta - step_size * slope)
