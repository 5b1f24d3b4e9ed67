//! A run, record by record.

use faer::Mat;

use crate::eigen::{Pairs, solve};
use crate::hessian::from_gram;
use crate::linalg::{add_scaled, dot, norm};
use crate::step::{NormChanges, advance, first_order_error};
use crate::{
    Finished, Model, Outcome, Products, Settings, State, Terms, TheoryError, TheoryRecord,
};

/// An iterator over the records of a run; made by [`run`].
///
/// It ends after the last step, after an error, or when the numbers are no longer finite:
/// [`Run::outcome`] tells which.
#[derive(Debug)]
pub struct Run<'a> {
    model: &'a Model,
    state: State,
    settings: Settings,
    step: u64,
    outcome: Option<Outcome>,
    failed: bool,
    first_order_error: Option<f64>,
    warm: Option<Mat<f64>>,
    warm_layer: Option<Mat<f64>>,
    v1: Option<Vec<f64>>,
    v1_start: Option<Vec<f64>>,
    kernel_top: Option<f64>,
}

/// Starts a run of full-batch gradient descent.
///
/// # Errors
/// A state that does not fit the model, is not finite or belongs to no weights, settings outside their ranges.
pub fn run(model: &Model, state: State, settings: Settings) -> Result<Run<'_>, TheoryError> {
    settings.check(model)?;
    state.check_values(model)?;
    let kernel_top = match settings.layers_every {
        Some(_) => {
            let pairs = solve("K", model.kernel(), 1, None, &settings.solver)?;
            Some(pairs.values[0])
        }
        None => None,
    };
    Ok(Run {
        model,
        state,
        settings,
        step: 0,
        outcome: None,
        failed: false,
        first_order_error: None,
        warm: None,
        warm_layer: None,
        v1: None,
        v1_start: None,
        kernel_top,
    })
}

impl Iterator for Run<'_> {
    type Item = Result<TheoryRecord, TheoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.outcome.is_some() || self.failed {
            return None;
        }
        let products = Products::unchecked(self.model, &self.state);
        let mut record = self.plain_record(&products);
        if !record.is_finite() || !self.state.is_finite() {
            self.outcome = Some(Outcome::Diverged { step: self.step });
            return None;
        }
        match self.measure(&products, &mut record) {
            Ok(()) => {}
            // M can overflow a little before the state does.
            Err(TheoryError::NonFinite { .. }) => {
                self.outcome = Some(Outcome::Diverged { step: self.step });
                return None;
            }
            Err(error) => {
                self.failed = true;
                return Some(Err(error));
            }
        }
        if self.step == self.settings.steps {
            self.outcome = Some(Outcome::Completed);
        } else {
            self.take_step(&products);
        }
        Some(Ok(record))
    }
}

impl Run<'_> {
    /// How the run ended; `None` while it has not, or after an error.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// The state that the next record is of.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The rest of the run.
    ///
    /// # Errors
    /// A failed eigensolve.
    pub fn finish(mut self) -> Result<Finished, TheoryError> {
        let mut records = Vec::new();
        for record in self.by_ref() {
            records.push(record?);
        }
        Ok(Finished {
            records,
            outcome: self.outcome.unwrap_or(Outcome::Completed),
            state: self.state,
        })
    }

    /// What follows from the products alone.
    fn plain_record(&self, products: &Products) -> TheoryRecord {
        let (model, state, eta) = (self.model, &self.state, self.settings.step_size);
        let change = NormChanges::new(model, state, products, eta, self.settings.terms);
        let exact = NormChanges::new(model, state, products, eta, Terms::All);
        let radius = products.residual_radius(model);
        TheoryRecord {
            step: self.step,
            time: eta * self.step as f64,
            loss: products.loss(model),
            gradient_norm: products.gradient_norm_sq(model, state).max(0.0).sqrt(),
            threshold: 2.0 / eta,
            lambda: Vec::new(),
            lambda_residual: Vec::new(),
            lambda_min: (model.network().width > model.samples()).then_some(-radius),
            gradient_alignment: None,
            eigenvector_share_output: None,
            output_norm_sq: state.output_norm_sq,
            residual_norm_sq: products.residual_norm_sq,
            residual_dot_output: products.residual_dot_output,
            residual_dot_target: products.residual_dot_target,
            output_norm_sq_change: change.output,
            output_norm_sq_predicted: exact.output,
            hidden_norm_sq_change: change.hidden,
            gram_lambda: Vec::new(),
            gram_residual: Vec::new(),
            residual_on_v1: None,
            residual_off_v1: None,
            loss_share_v1: None,
            v1_cos_previous: None,
            v1_cos_start: None,
            residual_hessian_lambda_1: radius,
            first_order_error: self.first_order_error,
            lambda_1_output: None,
            lambda_1_hidden: None,
        }
    }

    /// What takes eigensolves.
    fn measure(
        &mut self,
        products: &Products,
        record: &mut TheoryRecord,
    ) -> Result<(), TheoryError> {
        let (model, solver, step) = (self.model, self.settings.solver, self.step);
        let c = model.curvature_factor();
        let count = self.settings.gram_count(step);
        if count > 0 {
            let matrix = self.state.gram_unchecked(model);
            let pairs = solve("M", &matrix, count, self.warm.as_ref(), &solver)?;
            if let Some(hessian) = self.settings.hessian.filter(|s| s.due(step)) {
                let count = hessian.count;
                let top = from_gram(model, &self.state, products, &pairs, count, &solver)?;
                record.lambda = top.values;
                record.lambda_residual = top.residuals;
                record.gradient_alignment = top.gradient_alignment;
                record.eigenvector_share_output = top.output_share;
            }
            if let Some(gram) = self.settings.gram.filter(|s| s.due(step)) {
                let scaled = |values: &[f64]| values[..gram.count].iter().map(|v| c * v).collect();
                record.gram_lambda = scaled(&pairs.values);
                record.gram_residual = scaled(&pairs.residuals);
                self.measure_v1(products, &pairs, record);
            }
            self.warm = Some(pairs.warm);
        }
        if let (Some(every), Some(kernel_top)) = (self.settings.layers_every, self.kernel_top)
            && step.is_multiple_of(every)
        {
            let gram = &self.state.gram_features;
            let pairs = solve("G", gram, 1, self.warm_layer.as_ref(), &solver)?;
            let factor = c * model.scale_sq();
            record.lambda_1_output = Some(factor * pairs.values[0]);
            record.lambda_1_hidden = Some(factor * self.state.output_norm_sq * kernel_top);
            self.warm_layer = Some(pairs.warm);
        }
        Ok(())
    }

    /// The residual along v₁ and off it, and how far v₁ has turned.
    fn measure_v1(&mut self, products: &Products, pairs: &Pairs, record: &mut TheoryRecord) {
        let mut v1 = pairs.vectors.col_as_slice(0).to_vec();
        if let Some(previous) = &self.v1 {
            let cosine = dot(&v1, previous);
            if cosine < 0.0 {
                v1.iter_mut().for_each(|entry| *entry = -*entry);
            }
            record.v1_cos_previous = Some(cosine.abs().min(1.0));
        }
        let start = self.v1_start.get_or_insert_with(|| v1.clone());
        if self.v1.is_some() {
            record.v1_cos_start = Some(dot(&v1, start).abs().min(1.0));
        }
        let along = dot(&products.residual, &v1);
        // Not √(‖D‖² − (Dᵀv₁)²), which cancels when v₁ holds nearly all of D.
        let mut off = products.residual.clone();
        add_scaled(&mut off, -along, &v1);
        record.residual_on_v1 = Some(along);
        record.residual_off_v1 = Some(norm(&off));
        record.loss_share_v1 = (products.residual_norm_sq > 0.0)
            .then(|| (along * along / products.residual_norm_sq).min(1.0));
        self.v1 = Some(v1);
    }

    fn take_step(&mut self, products: &Products) {
        let (model, settings) = (self.model, &self.settings);
        let (eta, terms) = (settings.step_size, settings.terms);
        self.first_order_error = first_order_error(model, products, eta, terms);
        advance(model, &mut self.state, products, eta, terms);
        self.step += 1;
    }
}
