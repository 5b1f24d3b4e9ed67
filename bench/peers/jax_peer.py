"""JAX as a contestant: jitted, warmed up, float32.

`--float64` makes it the referee: the same programs in double precision.
"""

import os
import sys
import time

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import numpy as np

REFEREE = "--float64" in sys.argv
jax.config.update("jax_enable_x64", REFEREE)

import jax.numpy as jnp

import arpack
from common import LAYERED, Problem, Tally, fastest, serve, timed, write_weights
from jax_lobpcg import Lobpcg
from jax_models import ModelNetwork
from jax_network import Network, Programs

DTYPE = np.float64 if REFEREE else np.float32


class Peer:
    """The state between requests."""

    def load(self, problem):
        self.problem = Problem(problem, DTYPE)
        forms = ["conv", "patches"] if self.problem.kind == "cnn" else ["conv"]
        layered = self.problem.kind in LAYERED
        network = lambda form: Network(self.problem, form) if layered else ModelNetwork(self.problem)
        self.programs = {form: Programs(network(form)) for form in forms}
        self.network = network("conv")
        self.x = jnp.asarray(self.network.inputs(self.problem.x))
        self.y = jnp.asarray(self.problem.y)
        self.set_weights(self.problem.weights)
        self.chosen = referees_variants(forms[-1]) if REFEREE else {}
        self.eigenvalues = arpack.Exact()
        return {
            "parameters": self.network.size,
            "versions": {"jax": jax.__version__},
            "device": jax.devices()[0].device_kind,
        }

    def set_weights(self, layers):
        self.theta = jnp.asarray(self.network.flatten(layers))

    def data(self):
        return self.theta, self.x, self.y

    def gradient_program(self):
        """The fastest gradient, found once."""
        if "gradient" not in self.chosen:
            run = lambda p: lambda: jax.block_until_ready(p.gradient(*self.data()))
            self.chosen["gradient"] = fastest({f: run(p) for f, p in self.programs.items()})
        return self.programs[self.chosen["gradient"]].gradient

    def block_program(self, rows, only=None):
        """The fastest linearisation and block product for so many rows, found once a width.

        With `only` it keeps to that form of the network.
        """
        key = f"block of {rows}" + (f", {only}" if only else "")
        if key not in self.chosen:
            block = jnp.ones((rows, self.network.size), DTYPE)
            variants = {}
            for form, programs in self.programs.items():
                if only not in (None, form):
                    continue
                for name, product in programs.blocks.items():
                    # A vmapped convolution over kernels becomes a grouped one, which XLA's CPU
                    # backend computes a hundred times slower: not worth waiting for.
                    if form == "conv" and self.problem.kind in ("cnn", "resnet") and name == "vmap":
                        continue
                    variants[form, name] = lambda form=form, product=product: (
                        product(self.pushed(form), block).block_until_ready()
                    )
            named = {", ".join(key): work for key, work in variants.items()}
            self.held = None
            self.chosen[key] = fastest(named)
            self.held = None
        form, name = self.chosen[key].split(", ")
        return self.programs[form].linearize, self.programs[form].blocks[name]

    def pushed(self, form):
        """The linearisation of a form, of which one is held at a time: a CNN's takes gigabytes."""
        if self.held is None or self.held[0] != form:
            self.held = None
            self.held = form, self.programs[form].linearize(*self.data())[1]
        return self.held[1]

    def values(self):
        return self.measured_by(self.vector_product())

    def vector_product(self):
        """The product with one NumPy vector, linearised at θ."""
        linearize, product = self.block_program(1)
        _, push = linearize(*self.data())
        return lambda vector: np.asarray(product(push, vector[None])[0])

    def measured_by(self, product):
        """Loss and gradient norm at θ, and what `product` makes of the gradient's direction."""
        loss, slope = self.gradient_program()(*self.data())
        slope = np.asarray(slope, np.float64)
        image = product((slope / np.linalg.norm(slope)).astype(DTYPE)).astype(np.float64)
        return {
            "loss": float(loss),
            "gradient_norm": float(np.linalg.norm(slope)),
            "product_norm": float(np.linalg.norm(image)),
        }

    def gradient(self, repeat):
        program = self.gradient_program()
        work = lambda: jax.block_until_ready(program(*self.data()))
        return {"seconds": timed(work, repeat), "variant": self.chosen["gradient"]}

    def product(self, block, repeat):
        linearize, product = self.block_program(block)
        _, push = linearize(*self.data())
        _, slope = self.gradient_program()(*self.data())
        vectors = jnp.tile(slope[None], (block, 1))
        seconds = timed(lambda: product(push, vectors).block_until_ready(), repeat)
        variant = self.chosen[f"block of {block}"]
        return {"seconds": [s / block for s in seconds], "variant": variant}

    def start(self, method, weights, count, tolerance, chosen=None):
        """Prepares consecutive steps by `method`: `eigsh` or `lobpcg`.

        With `chosen`, the variants are those that were found before, and nothing is compiled ahead:
        for a whole command, which pays for every second.
        """
        self.chosen |= chosen or {}
        self.set_weights(self.problem.read_weights(weights))
        self.count, self.method = count, method
        variants = {}
        if method == "lobpcg":
            # One linearisation serves blocks of all widths, so its form must be the same.
            self.block_program(count + 1)
            widest = self.chosen[f"block of {count + 1}"]
            self.form = widest.split(", ")[0]
            self.chosen[f"block of {count + 1}, {self.form}"] = widest
            for rows in range(1, count + 1):
                self.block_program(rows, self.form)
            self.solver = Lobpcg(self.network.size, count, tolerance, DTYPE)
            if not chosen:
                self.solver.compile()
            variants = self.chosen
        else:
            work = {
                f"{form}, {name}": lambda product=product: product(
                    *self.data(), self.theta
                ).block_until_ready()
                for form, programs in self.programs.items()
                for name, product in programs.products.items()
            }
            self.chosen["product"] = fastest(work)
            variants = {"product": self.chosen["product"]}
        return {"variants": variants}

    def steps(self, steps, step_size):
        tally = Tally()
        for _ in range(steps):
            start = time.perf_counter()
            loss, slope, values, products = self.measure()
            self.measured = self.theta
            update = self.programs["conv"].update
            self.theta = update(self.theta, slope, step_size).block_until_ready()
            tally.add(time.perf_counter() - start, products, values, loss)
        return tally.rows

    def measure(self):
        """Loss, gradient and eigenvalues at θ."""
        if self.method == "lobpcg":
            (loss, slope), push = self.programs[self.form].linearize(*self.data())
            values, products = self.solver.solve(lambda block: self.apply(push, block))
        else:
            loss, slope = self.gradient_program()(*self.data())
            form, name = self.chosen["product"].split(", ")
            program = self.programs[form].products[name]
            product = lambda vector: np.asarray(program(*self.data(), vector))
            values, _, products = arpack.largest(product, self.network.size, self.count, DTYPE)
        return loss, slope, values, products

    def apply(self, push, block):
        _, product = self.block_program(block.shape[0], self.form)
        return product(push, block)

    def save(self, weights):
        """Writes the parameters that the last step measured."""
        write_weights(weights, self.network.layers(self.measured))

    def exact(self, weights, count):
        """Loss, gradient and product norms, and `count` eigenvalues, at the weights of a file."""
        self.set_weights(self.problem.read_weights(weights))
        product = self.vector_product()
        values = self.measured_by(product)
        if count > 0:
            found = self.eigenvalues.solve(product, self.network.size, count)
            values["eigenvalues"] = found.tolist()
        return values


def referees_variants(form):
    """What the referee uses without a search, which takes long on a CNN in float64: its gradients
    and products are faster by gathered patches, and one vector by `vmap` much as fast as unrolled."""
    return {"gradient": form, "block of 1": f"{form}, vmap"}


def main():
    peer = Peer()
    works = ["load", "values", "gradient", "product", "start", "steps", "save", "exact"]
    serve({work: getattr(peer, work) for work in works})


if __name__ == "__main__":
    main()
