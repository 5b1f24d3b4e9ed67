"""PyTorch as a contestant: products by double backward with the graph kept, or by torch.func, or
by curvlinops; eigenvalues by SciPy. `--float64` makes it the referee."""

import os
import sys
import time

import numpy as np
import torch

import arpack
from common import LAYERED, Problem, Tally, fastest, once, serve, timed, write_weights
from torch_models import ModelNetwork
from torch_network import Network

try:
    import curvlinops
except ImportError:
    curvlinops = None

REFEREE = "--float64" in sys.argv
DTYPE = np.float64 if REFEREE else np.float32

# The GPU where it is asked for and there is one; float32 is float32 there.
ON_GPU = os.environ.get("BRINK_PEER_DEVICE") == "gpu" and torch.cuda.is_available()
DEVICE = torch.device("cuda" if ON_GPU else "cpu")
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False


def finished(work):
    """`work`, waited for: a GPU computes behind the caller's back."""
    if not ON_GPU:
        return work

    def wait():
        work()
        torch.cuda.synchronize()

    return wait


# Lanczos vectors for a warm start: with SciPy's default of 20 every call costs 20 products at
# least, however good the start.
WARM_LANCZOS_VECTORS = 8


class Peer:
    """The state between requests."""

    def load(self, problem):
        self.problem = Problem(problem, DTYPE)
        kind = Network if self.problem.kind in LAYERED else ModelNetwork
        self.network = kind(self.problem).to(DEVICE)
        self.parameters = list(self.network.parameters())
        self.names = [name for name, _ in self.network.named_parameters()]
        self.size = sum(p.numel() for p in self.parameters)
        self.x = torch.from_numpy(self.problem.x).to(DEVICE)
        self.y = torch.from_numpy(self.problem.y).to(DEVICE)
        self.scale = self.problem.factor / self.x.shape[0]
        # The referee does not search: a search takes long on a CNN in float64.
        self.chosen = {"block of 1": "graph kept"} if REFEREE else {}
        self.eigenvalues = arpack.Exact()
        versions = {"torch": torch.__version__}
        if curvlinops is not None:
            # Deterministic by construction: the probe would only cost time.
            self.operator = curvlinops.HessianLinearOperator(
                self.network,
                torch.nn.MSELoss(reduction="sum"),
                self.parameters,
                [(self.x, self.y)],
                check_deterministic=False,
            )
            versions["curvlinops"] = version_of("curvlinops-for-pytorch")
        device = torch.cuda.get_device_name() if ON_GPU else "cpu"
        return {"parameters": self.size, "versions": versions, "device": device}

    def loss(self):
        return self.scale * ((self.network(self.x) - self.y) ** 2).sum()

    def functional_loss(self, *parameters):
        outputs = torch.func.functional_call(
            self.network, dict(zip(self.names, parameters)), (self.x,)
        )
        return self.scale * ((outputs - self.y) ** 2).sum()

    def slope(self, keep=False):
        """Loss and gradient, the latter by parameter, with its graph if it is to be kept."""
        loss = self.loss()
        return loss.detach(), torch.autograd.grad(loss, self.parameters, create_graph=keep)

    def split(self, block):
        """A block [k, P] cut into parameters with the rows in front."""
        parts = torch.split(block, [p.numel() for p in self.parameters], dim=-1)
        return [part.reshape(-1, *p.shape) for part, p in zip(parts, self.parameters)]

    def flat(self, parts, rows):
        return torch.cat([part.reshape(rows, -1) for part in parts], 1)

    def graph_kept(self, batched):
        """Double backward on the gradient's graph: a block [k, P] row by row, or batched."""
        _, slopes = self.slope(keep=True)

        def backward(vectors, batched):
            return torch.autograd.grad(
                slopes,
                self.parameters,
                grad_outputs=vectors,
                retain_graph=True,
                is_grads_batched=batched,
            )

        def by_row(block):
            rows = [backward([part[0] for part in self.split(row[None])], False) for row in block]
            return torch.cat([self.flat(row, 1) for row in rows])

        def at_once(block):
            return self.flat(backward(self.split(block), True), block.shape[0])

        return at_once if batched else by_row

    def linearized(self):
        """Forward over reverse, linearised once, mapped over the block."""
        slope = torch.func.grad(self.functional_loss, tuple(range(len(self.parameters))))
        _, push = torch.func.linearize(slope, *(p.detach() for p in self.parameters))
        mapped = torch.func.vmap(lambda *parts: push(*parts))
        return lambda block: self.flat(mapped(*self.split(block)), block.shape[0])

    def block_product(self, rows):
        """The fastest product of a block, found once a width, at the current weights."""
        key = f"block of {rows}"
        ways = {
            "graph kept": lambda: self.graph_kept(False),
            "graph kept, vmap": lambda: self.graph_kept(True),
            "func.linearize, vmap": self.linearized,
        }
        if key not in self.chosen:
            block = torch.ones(rows, self.size, dtype=self.x.dtype, device=DEVICE)
            runs = {
                name: finished(lambda way=way: self.ready(way)(block))
                for name, way in ways.items()
            }
            self.made = {}
            self.chosen[key] = fastest(runs)
        self.made = {}
        return ways[self.chosen[key]]()

    def ready(self, way):
        """What `way` sets up at the current weights, once."""
        if way not in self.made:
            self.made[way] = way()
        return self.made[way]

    def curvlinops_product(self, block):
        """The same by curvlinops, whose matrices have vectors as columns."""
        return self.scale * (self.operator @ block.T).T

    def values(self):
        return self.measured_by(self.block_product(1))

    def measured_by(self, product):
        """Loss and gradient norm, and what `product` makes of the gradient's direction."""
        loss, slopes = self.slope()
        slope = self.flat(slopes, 1)[0]
        unit = slope / slope.norm()
        image = product(unit[None])[0]
        found = {
            "loss": float(loss),
            "gradient_norm": float(slope.double().norm()),
            "product_norm": float(image.double().norm()),
        }
        if curvlinops is not None and not REFEREE:
            try:
                image = self.curvlinops_product(unit[None])[0]
                found["product_norm_curvlinops"] = float(image.double().norm())
            except NotImplementedError as error:
                # Forward mode does not know every operation: its products are then left out.
                print(f"curvlinops has no product: {error}", file=sys.stderr)
        return found

    def gradient(self, repeat):
        return {"seconds": timed(finished(self.slope), repeat)}

    def product(self, block, repeat, method="torch"):
        _, slopes = self.slope()
        vectors = self.flat(slopes, 1).repeat(block, 1)
        if method == "curvlinops":
            product, variant = self.curvlinops_product, "curvlinops"
        else:
            product, variant = self.block_product(block), self.chosen[f"block of {block}"]
        seconds = timed(finished(lambda: product(vectors)), repeat)
        return {"seconds": [s / block for s in seconds], "variant": variant}

    def spectrum(self, probes, steps, ends, repeat):
        """Times curvlinops' spectral density, whose ends are given in units of our loss."""
        ends = tuple(end / self.scale for end in ends)
        density = lambda: curvlinops.lanczos_approximate_spectrum(
            self.operator, steps, num_repeats=probes, boundaries=ends
        )
        return {"seconds": once(finished(density), repeat)}

    def trace(self, products, repeat):
        """Times curvlinops' XTrace by so many products."""
        found = []
        trace = lambda: found.append(float(curvlinops.xtrace(self.operator, products)))
        seconds = once(finished(trace), repeat)
        return {"seconds": seconds, "trace": self.scale * found[-1]}

    def start(self, method, weights, count, tolerance):
        """Prepares consecutive steps by `method`: `eigsh`, cold with its defaults on double
        backward, or `curvlinops`, with `eigsh` started at the last step's eigenvectors."""
        if method == "curvlinops" and curvlinops is None:
            raise RuntimeError("curvlinops is not installed")
        self.network.set_weights(self.problem.read_weights(weights))
        self.method, self.count, self.tolerance = method, count, tolerance
        self.last = None

    def steps(self, steps, step_size):
        tally = Tally()
        for _ in range(steps):
            start = time.perf_counter()
            loss, slopes, values, products = self.measure()
            with torch.no_grad():
                before = [p.clone() for p in self.parameters]
                torch._foreach_add_(self.parameters, slopes, alpha=-step_size)
            tally.add(time.perf_counter() - start, products, values, loss)
            self.measured = before
        return tally.rows

    def measure(self):
        """Loss, gradient and eigenvalues at the current weights."""
        if self.method == "eigsh":
            loss, slopes = self.slope(keep=True)

            def product(vector):
                parts = [part[0] for part in self.split(torch.from_numpy(vector)[None])]
                image = torch.autograd.grad(
                    slopes, self.parameters, grad_outputs=parts, retain_graph=True
                )
                return self.flat(image, 1)[0].numpy()

            values, _, products = arpack.largest(product, self.size, self.count, DTYPE)
            return loss, [slope.detach() for slope in slopes], values, products
        loss, slopes = self.slope()
        product = lambda vector: self.curvlinops_product(torch.from_numpy(vector)[None])[0].numpy()
        options = {"tol": self.tolerance}
        if self.last is not None:
            options |= {"v0": self.last.sum(0), "ncv": WARM_LANCZOS_VECTORS}
        found = arpack.largest(product, self.size, self.count, DTYPE, **options)
        values, self.last, products = found
        return loss, slopes, values, products

    def save(self, weights):
        """Writes the parameters that the last step measured."""
        write_weights(weights, self.network.weights(self.measured))

    def exact(self, weights, count):
        """Loss, gradient and product norms, and `count` eigenvalues, at the weights of a file."""
        self.network.set_weights(self.problem.read_weights(weights))
        apply = self.block_product(1)
        values = self.measured_by(apply)
        if count > 0:
            # ARPACK's vectors are of its own precision.
            product = lambda vector: apply(torch.from_numpy(vector).to(self.x)[None])[0].numpy()
            values["eigenvalues"] = self.eigenvalues.solve(product, self.size, count).tolist()
        return values


def version_of(package):
    from importlib.metadata import version

    return version(package)


def main():
    peer = Peer()
    works = ["load", "values", "gradient", "product", "start", "steps", "save", "exact"]
    if curvlinops is not None:
        works += ["spectrum", "trace"]
    serve({work: getattr(peer, work) for work in works})


if __name__ == "__main__":
    main()
