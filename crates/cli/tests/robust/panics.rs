//! A panic of the backend's during a run.

use std::fs;
use std::sync::atomic::AtomicBool;

use brink_cli::conclude::{Failure, conclude};
use brink_cli::config::Config;
use brink_cli::error::Error;
use brink_cli::manifest::Manifest;
use brink_cli::observe::RunFiles;
use brink_cli::run_folder::RunFolder;
use brink_dynamics::measurement::{Iterate, MeasureError, Measurement};
use brink_dynamics::state::Memory;
use brink_dynamics::{Column, LayerWeight, Problem, Settings, run};
use brink_linearize::{Batch, Objective};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use miette::Diagnostic;

use crate::command::{CONFIG, Place};

#[derive(Module, Debug)]
struct Point {
    weight: Param<Tensor<2>>,
}

/// As Burn does when the device is out of memory.
struct PanicsAt(u64);

impl Memory for PanicsAt {}

impl Measurement<2> for PanicsAt {
    fn name(&self) -> &'static str {
        "panics"
    }

    fn columns(&self) -> Vec<Column> {
        vec![Column::new("panics", "nothing")]
    }

    fn wants(&self, _: u64) -> bool {
        true
    }

    fn measure(&mut self, at: &mut Iterate<'_, '_, 2>) -> Result<Vec<Option<f64>>, MeasureError> {
        assert!(at.step < self.0, "out of device memory");
        Ok(vec![None])
    }
}

#[test]
fn a_panic_leaves_a_whole_folder() {
    let place = Place::new();
    let device = Device::flex();
    let weight = Tensor::ones([1, 3], &device);
    let module = Point {
        weight: Param::from_tensor(weight),
    };
    let batch = Batch::new().with(Tensor::<2>::ones([1, 3], &device));
    let loss = |theta: Tensor<2>, batch: &Batch| (theta.square() * batch.float::<2>(0)).sum();
    let forward = |module: &Point, _: &Batch| module.weight.val();
    let objective = Objective::trace(&module, &batch, forward, loss).unwrap();
    let theta = objective.layout().flatten(&module);
    let problem = Problem {
        objective,
        fixed_parameters: 0,
        layers: vec![LayerWeight::new("only", "weight")],
        accuracy: None,
        minibatches: None,
    };
    let settings = Settings::gradient_descent(0.1, 10);

    let config = Config::parse("tiny.toml", CONFIG, &[]).unwrap();
    let data = brink_data::load(&config.data, None).unwrap().provenance;
    let manifest = Manifest::new(config, data, "2026-01-01T00:00:00Z".to_owned(), Vec::new());
    let folder = RunFolder::at(&place.file("a"), false).unwrap();
    let mut files = RunFiles::new(&folder, manifest, true);
    let finished = run(
        &problem,
        theta,
        &settings,
        &mut [Box::new(PanicsAt(2))],
        &mut files.observers(),
        &AtomicBool::new(false),
    )
    .unwrap();
    let failures = finished.errors.into_iter().map(Failure::new).collect();
    let error = conclude(folder, files, finished.summary, failures).unwrap_err();

    let Error::Run { first, others, .. } = &error else {
        panic!("{error:?}");
    };
    let says = "at step 2: the computation stopped: out of device memory";
    assert_eq!(first.to_string(), says);
    assert!(others.is_empty());
    assert!(error.help().unwrap().to_string().contains("run.microbatch"));
    let manifest = place.manifest("a");
    assert_eq!(manifest["outcome"]["kind"], "failed");
    assert_eq!(manifest["outcome"]["message"], says);
    assert_eq!(manifest["steps_recorded"], 2);
    assert_eq!(place.rows("a"), 2);
    let figure = fs::read_to_string(place.file("a/trace.svg")).unwrap();
    assert!(figure.contains("failed"));
    assert_eq!(place.names("a").len(), 4, "{:?}", place.names("a"));
}
