"""OpenBLAS, through NumPy: how fast the matrix products of a program alone can be."""

import numpy as np

from common import serve, timed


class Peer:
    """Operands are made once; a request times one pass over all products of a program."""

    def load(self, programs):
        """`programs` maps a name to its products, each `[rows, inner, columns, layout]`.

        The layout tells how the operands lie in memory: `NN` as written, `TN` the left one
        transposed, `NT` the right one.
        """
        random = np.random.default_rng(0)
        self.programs = {}
        for name, products in programs.items():
            self.programs[name] = [self.operands(random, *product) for product in products]
        return {"versions": {"numpy": np.__version__, "blas": blas_name()}}

    def operands(self, random, rows, inner, columns, layout):
        left = random.standard_normal((inner, rows) if layout[0] == "T" else (rows, inner))
        right = random.standard_normal((columns, inner) if layout[1] == "T" else (inner, columns))
        left, right = left.astype(np.float32), right.astype(np.float32)
        if layout[0] == "T":
            left = left.T
        if layout[1] == "T":
            right = right.T
        return left, right, np.empty((rows, columns), np.float32)

    def run(self, program, repeat):
        def once():
            for left, right, out in self.programs[program]:
                np.dot(left, right, out=out)

        return {"seconds": timed(once, repeat)}


def blas_name():
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{blas.get('name', '?')} {blas.get('version', '')}".strip()


if __name__ == "__main__":
    peer = Peer()
    serve({"load": peer.load, "run": peer.run})
