"""Writes central-flow.safetensors: a tanh network with its data, and the central flow (Cohen, Damian,
Talwalkar, Kolter and Lee, ICLR 2025, arXiv 2410.24206) of gradient descent on it, in float64.

    pip install torch safetensors scipy
    python3 crates/dynamics/tests/reference/central_flow.py

The Hessian is formed whole, and Σ = UYYᵀUᵀ is found by minimising over Y, a square matrix, without
constraints. Substeps are Euler's where Σ is not 0, else Runge and Kutta's along gradient flow.
"""

import pathlib

import numpy
import torch
from safetensors.torch import save_file
from scipy.optimize import minimize

torch.set_default_dtype(torch.float64)
HERE = pathlib.Path(__file__).parent
SAMPLES, FEATURES, HIDDEN, OUTPUTS = 10, 4, 6, 3
SHAPES = [(FEATURES, HIDDEN), (HIDDEN,), (HIDDEN, OUTPUTS), (OUTPUTS,)]
STEP_SIZE, STEPS = 0.55, 40
CAP = 2 / STEP_SIZE

generator = torch.Generator().manual_seed(4)
inputs = torch.randn(SAMPLES, FEATURES, generator=generator)
targets = torch.randn(SAMPLES, OUTPUTS, generator=generator)
start = torch.cat([0.35 * torch.randn(shape, generator=generator).flatten() for shape in SHAPES])


def parts(w):
    sizes = [torch.Size(shape).numel() for shape in SHAPES]
    return [part.view(shape) for part, shape in zip(w.split(sizes), SHAPES)]


def loss(w):
    w1, b1, w2, b2 = parts(w)
    outputs = torch.tanh(inputs @ w1 + b1) @ w2 + b2
    return (outputs - targets).square().sum() / (2 * SAMPLES)


def gradient(w):
    w = w.detach().requires_grad_()
    return torch.autograd.grad(loss(w), w)[0]


def pair_gradient(w, u, v):
    """The gradient of uᵀH(w)v."""
    w = w.detach().requires_grad_()
    first = torch.autograd.grad(loss(w), w, create_graph=True)[0]
    second = torch.autograd.grad(first @ u, w, create_graph=True)[0]
    return torch.autograd.grad(second @ v, w)[0]


def eigenpairs(w):
    hessian = torch.autograd.functional.hessian(loss, w.detach())
    values, vectors = torch.linalg.eigh(hessian)
    return values.flip(0), vectors.flip(1)


def covariance(a, rate):
    """X ⪰ 0 with S = a + rate[X] ⪰ 0 and ⟨X, S⟩ = 0."""
    size = len(a)
    if size == 1:
        return numpy.maximum(-a / rate[0, 0], 0)
    if numpy.linalg.eigvalsh(a)[0] >= 0:
        return numpy.zeros_like(a)
    # In units in which X and S are of size 1.
    of_a, of_rate = numpy.linalg.norm(a), numpy.linalg.norm(rate)
    a, rate = torch.tensor(a / of_a), torch.tensor(rate / of_rate)

    def value(flat):
        y = flat.view(size, size)
        x = y @ y.T
        return 0.5 * torch.einsum("ij,ijkl,kl", x, rate, x) + (a * x).sum()

    def numbers(of):
        return lambda y: of(torch.tensor(y)).numpy()

    gradient_of = torch.func.grad(value)
    found = minimize(
        numbers(value),
        numpy.random.default_rng(0).normal(size=size * size),
        jac=numbers(gradient_of),
        hess=numbers(torch.func.hessian(value)),
        method="trust-exact",
        options={"gtol": 1e-9, "maxiter": 1000},
    )
    # Newton's method for the last digits; rotations of Y change nothing.
    y = torch.tensor(found.x)
    for _ in range(30):
        y = y - torch.linalg.pinv(torch.func.hessian(value)(y), rtol=1e-10) @ gradient_of(y)
    y = y.numpy().reshape(size, size)
    x = y @ y.T
    s = a.numpy() + numpy.einsum("ijkl,kl", rate.numpy(), x)
    gap, lowest = abs((x * s).sum()), numpy.linalg.eigvalsh(s)[0]
    assert gap < 1e-12 and lowest > -1e-10, (gap, lowest)
    return x * of_a / of_rate


def field(w, step):
    """The field of the flow for a substep, and X; no field where Σ is 0."""
    values, vectors = eigenpairs(w)
    count = int((values > 0.95 * CAP).sum())
    if count == 0:
        return None, numpy.zeros((0, 0)), values
    slopes = torch.stack(
        [
            torch.stack([pair_gradient(w, vectors[:, i], vectors[:, j]) for j in range(count)])
            for i in range(count)
        ]
    )
    along = (slopes @ gradient(w)).numpy()
    slack = numpy.diag(numpy.maximum(CAP - values[:count].numpy(), -0.05 * CAP))
    rate = 0.5 * step * torch.einsum("ijp,klp->ijkl", slopes, slopes).numpy()
    x = covariance(slack + step * along, rate)
    if numpy.trace(x) == 0:
        return None, x, values
    force = torch.einsum("ij,ijp->p", torch.tensor(x), slopes)
    return -(gradient(w) + 0.5 * force), x, values


def substep(w, step):
    along, x, values = field(w, step)
    if along is not None:
        return w + step * along, numpy.trace(x), values
    k1 = -gradient(w)
    k2 = -gradient(w + step / 2 * k1)
    k3 = -gradient(w + step / 2 * k2)
    k4 = -gradient(w + step * k3)
    return w + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4), 0.0, values


def advanced(w, substeps):
    """w a step later, with what is known at its beginning."""
    first = None
    for _ in range(substeps):
        w, trace, values = substep(w, STEP_SIZE / substeps)
        first = first or (trace, values)
    return (w, *first)


if __name__ == "__main__":
    theta, w, fine, error, rows = start, start, start, 0.0, []
    for step in range(STEPS):
        after, trace, values = advanced(w, 4)
        norm_sq = float(gradient(w).square().sum())
        row = [
            float(loss(w)),
            float(loss(w)) + trace / STEP_SIZE,
            norm_sq + 4 * trace / STEP_SIZE**2,
            *values[:3].tolist(),
            trace,
            float((values > 0.95 * CAP).sum()),
            float((theta - w).norm()),
            error,
            # From a flow with four times as many substeps.
            float((fine - w).norm()),
        ]
        print(step, float(loss(theta)), *(f"{value:.6g}" for value in row))
        rows.append(row)
        error += float((after - advanced(w, 2)[0]).norm())
        fine = advanced(fine, 16)[0]
        theta, w = theta - STEP_SIZE * gradient(theta), after
    names = ["w1", "b1", "w2", "b2"]
    tensors = {name: part.clone() for name, part in zip(names, parts(start))}
    tensors |= {"inputs": inputs, "targets": targets, "rows": torch.tensor(rows)}
    tensors["step_size"] = torch.tensor([STEP_SIZE])
    save_file(tensors, HERE / "central-flow.safetensors")
