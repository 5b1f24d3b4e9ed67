//! How often each expensive thing was done.

use std::sync::atomic::{AtomicU64, Ordering};

/// Calls since the objective was traced.
#[derive(Debug, Default)]
pub struct Counters {
    evaluations: AtomicU64,
    gradients: AtomicU64,
    linearizations: AtomicU64,
    chunk_linearizations: AtomicU64,
    hessian_vector_products: AtomicU64,
    jacobian_vector_products: AtomicU64,
    vector_jacobian_products: AtomicU64,
    gauss_newton_products: AtomicU64,
    third_derivatives: AtomicU64,
}

/// A quantity that is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Count {
    Evaluation,
    Gradient,
    Linearization,
    Chunk,
    Hessian,
    Jacobian,
    Transposed,
    GaussNewton,
    Third,
}

impl Counters {
    pub(crate) fn add(&self, count: Count, by: usize) {
        self.cell(count).fetch_add(by as u64, Ordering::Relaxed);
    }

    fn cell(&self, count: Count) -> &AtomicU64 {
        match count {
            Count::Evaluation => &self.evaluations,
            Count::Gradient => &self.gradients,
            Count::Linearization => &self.linearizations,
            Count::Chunk => &self.chunk_linearizations,
            Count::Hessian => &self.hessian_vector_products,
            Count::Jacobian => &self.jacobian_vector_products,
            Count::Transposed => &self.vector_jacobian_products,
            Count::GaussNewton => &self.gauss_newton_products,
            Count::Third => &self.third_derivatives,
        }
    }

    /// Name and value of every counter; products and third derivatives are counted by vector, not by
    /// block.
    ///
    /// All but one count whole batches, whatever the chunks; a linearisation also counts as the
    /// gradient that it yields. `chunk_linearizations` counts chunks that were evaluated again for
    /// a product: 0 for a batch in one part.
    pub fn snapshot(&self) -> [(&'static str, u64); 9] {
        let read = |count| self.cell(count).load(Ordering::Relaxed);
        [
            ("loss_evaluations", read(Count::Evaluation)),
            ("gradients", read(Count::Gradient)),
            ("linearizations", read(Count::Linearization)),
            ("chunk_linearizations", read(Count::Chunk)),
            ("hessian_vector_products", read(Count::Hessian)),
            ("jacobian_vector_products", read(Count::Jacobian)),
            ("vector_jacobian_products", read(Count::Transposed)),
            ("gauss_newton_products", read(Count::GaussNewton)),
            ("third_derivatives", read(Count::Third)),
        ]
    }
}
