"""The targets: what is compared with what, and what came out."""

from . import work_measurements
from .work_growth import exponent
from .work_network import MODELS
from .work_step import FEW_STEPS, REFERENCE, REGIMES

EDGE = "at the edge"
BLOCK = "product in a block of 4"
PEERS = ("jax", "torch", "curvlinops")
TUNED, TUNED_NARROW = "jax LOBPCG", "jax LOBPCG, compressed inputs"


class Row:
    """A target. `measure` gives pairs (label, value or `None`); the largest value decides."""

    def __init__(self, work, what, limit, measure, unit=""):
        self.work, self.what, self.limit = work, what, limit
        self.measure, self.unit = measure, unit

    def judge(self, results):
        """Figure and verdict in words."""
        measured = self.measure(results)
        pairs = [(label, value) for label, value in measured if value is not None]
        if not pairs:
            return "", "not measured" if self.work in results.works() else "not run"
        figures = [
            f"{label} {self.show(value)}".strip() if len(measured) > 1 else self.show(value)
            for label, value in pairs
        ]
        if max(value for _, value in pairs) > self.limit:
            verdict = "missed"
        else:
            verdict = "met" if len(pairs) == len(measured) else "not measured whole"
        return ", ".join(figures), verdict

    def show(self, value):
        if self.unit == "MB":
            return f"{value:.0f} MB"
        digits = 3 if self.limit < 0.1 else 2
        return f"{value:.{digits}f}{' ' + self.unit if self.unit else ''}"

    def target(self):
        if self.limit == 1 / 30:
            return "≤ 1/30 = 0.033"
        return f"≤ {self.limit:g}{' ' + self.unit if self.unit else ''}"


def ratio(above, below):
    return above / below if above is not None and below else None


def against_fastest(work, item, peers):
    """Brink's median over that of the fastest of some peers."""

    def measure(results):
        times = [results.median(work, item, peer) for peer in peers]
        fastest = min((time for time in times if time is not None), default=None)
        return [("", ratio(results.median(work, item, "brink"), fastest))]

    return measure


def against_own_gradient(results):
    own = results.median("network", "gradient", "brink")
    return [("", ratio(results.median("network", BLOCK, "brink"), own))]


def products_at_the_edge(results):
    mean = results.mean("step", EDGE, "brink", "products")
    return [("", ratio(mean, 2))]


def steps_against(*peers):
    """Brink's mean step over the fastest peer's, by regime.

    Means, since steps differ in their products and it is their sum that a run costs.
    """

    def measure(results):
        pairs = []
        for regime in REGIMES:
            means = [results.mean("step", regime, peer) for peer in peers]
            fastest = min((mean for mean in means if mean is not None), default=None)
            pairs.append((regime, ratio(results.mean("step", regime, "brink"), fastest)))
        return pairs

    return measure


def products_against_fastest(work):
    """Products alone and in a block, against the fastest peer each."""
    items = ("product in a block of 1", BLOCK)

    def measure(results):
        found = [against_fastest(work, item, PEERS)(results) for item in items]
        return [(item, value) for item, [(_, value)] in zip(items, found)]

    return measure


def few_steps_against_jax(work):
    def measure(results):
        means = [results.mean(work, FEW_STEPS, name) for name in ("brink", TUNED)]
        return [("", ratio(*means))]

    return measure


def model_rows(work, title, gradient, product, step):
    """The rows of a network, with their limits."""
    return [
        Row(work, f"{title}: gradient, against the faster of JAX and PyTorch", gradient,
            against_fastest(work, "gradient", PEERS)),
        Row(work, f"{title}: product, against the fastest", product,
            products_against_fastest(work)),
        Row(work, f"{title}: step with 2 eigenvalues, against hand-tuned JAX", step,
            few_steps_against_jax(work)),
    ]


def against_matrix_products(results):
    """A gradient, and a product in a block of 4, over OpenBLAS's time for their products alone."""
    pairs = []
    for item, share in (("gradient", 1), (BLOCK, 4)):
        bound = results.median("network", f"matrix products of {item}", "openblas")
        own = results.median("network", item, "brink")
        pairs.append((item, ratio(own, bound / share if bound else None)))
    return pairs


def growth(results):
    """Exponents: of gradient and product in n and in P, of the step in k.

    In n and in P on the full inputs, whose work is linear in n and nearly so in P. The compressed
    ones cost less at every size, but n coordinates a sample make their work quadratic in n, and they
    save most where the network is narrow and its first layer nearly all of it: their operations
    alone grow as P^1.3 and P^1.4, which says nothing of the code.
    """
    return [
        ("gradient in n", exponent(results, "n", "gradient", full=True)),
        ("product in n", exponent(results, "n", "product", full=True)),
        ("gradient in P", exponent(results, "width", "gradient", full=True, by="parameters")),
        ("product in P", exponent(results, "width", "product", full=True, by="parameters")),
        ("step in k", exponent(results, "k", "step")),
    ]


def launch(results):
    return [("", results.median("launch", "beyond reading the data", "brink"))]


def peak_memory(results):
    """The larger of the contestant's and of `brink train`'s, in megabytes."""
    items = ["peak memory of steps", "peak memory of brink train"]
    found = [results.median("step", item, "brink", "bytes") for item in items]
    found = [memory / 1e6 for memory in found if memory is not None]
    return [("", max(found, default=None))]


def synchronisations(results):
    read_backs = sum(results.of("step", EDGE, "brink", "read_backs"))
    iterations = sum(results.of("step", EDGE, "brink", "iterations"))
    return [("", ratio(read_backs, iterations) if iterations else None)]


REFERENCES = (f"{REFERENCE}: jax, eigsh", f"{REFERENCE}: torch, eigsh")

ROWS = [
    Row(
        "network",
        "gradient, against the faster of JAX and PyTorch",
        0.5,
        against_fastest("network", "gradient", ("jax", "torch")),
    ),
    Row(
        "network",
        "product within a block of 4, against the fastest of JAX, PyTorch and curvlinops",
        0.4,
        against_fastest("network", BLOCK, ("jax", "torch", "curvlinops")),
    ),
    Row(
        "network",
        "product within a block of 4, against our own gradient",
        1.25,
        against_own_gradient,
    ),
    Row(
        "step",
        "products per eigenvalue pair and step, at the edge, guard included",
        3,
        products_at_the_edge,
    ),
    Row(
        "step",
        "step with 2 eigenvalues, against the field's reference way",
        1 / 30,
        steps_against(*REFERENCES),
    ),
    Row("step", "step with 2 eigenvalues, against hand-tuned JAX", 0.25, steps_against(TUNED)),
    Row(
        "step",
        "the same, that JAX program given the compressed inputs too",
        0.8,
        steps_against(TUNED_NARROW),
    ),
    *model_rows("cnn", "CNN", 0.8, 0.8, 0.5),
    *[
        row
        for model, (title, _, _) in MODELS.items()
        for row in model_rows(model, title, 0.8, 0.6, 0.35)
    ],
    Row(
        work_measurements.WORK,
        "spectral density by Lanczos quadrature, 10 probes of 60 products, against curvlinops",
        0.5,
        work_measurements.against_curvlinops(work_measurements.DENSITY),
    ),
    Row(
        work_measurements.WORK,
        "trace by XTrace, 20 products, against curvlinops",
        0.5,
        work_measurements.against_curvlinops(work_measurements.TRACE),
    ),
    Row(
        work_measurements.WORK,
        "spectral density and trace over 610 products alone",
        1.1,
        work_measurements.density_over_products(work_measurements.ALONE),
    ),
    Row(
        work_measurements.WORK,
        "spectral density and trace over 610 products in blocks of 10",
        1.1,
        work_measurements.density_over_products(work_measurements.PRODUCT),
    ),
    Row(
        work_measurements.WORK,
        "third derivative along two vectors over a product alone",
        2.5,
        work_measurements.third_over_product,
    ),
    Row(
        work_measurements.WORK,
        "central flow: a step over one of gradient descent with the same eigenvalues",
        25,
        work_measurements.flow_over_step,
    ),
    Row("network", "time against the matrix-product bound", 1.4, against_matrix_products),
    Row("growth", "growth in n, in P, in k: exponent", 1.05, growth),
    Row("launch", "launch to first step beyond reading the data", 0.5, launch, "s"),
    Row("step", "peak memory of training steps with 2 eigenvalues", 400, peak_memory, "MB"),
    Row(
        "step",
        "host–device synchronisations per eigensolver iteration, counted",
        1,
        synchronisations,
    ),
]


def table(results):
    """Every row: work, target, figure, verdict."""
    return [(row.what, row.target(), *row.judge(results)) for row in ROWS]


def markdown(rows):
    """The table as Markdown, its columns aligned."""
    rows = [("work", "target", "figure", "verdict"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
