use super::*;
use crate::phases::PhaseParams;

const TEXT: &str = "\
step,loss,threshold,lambda_1,weight_norm_sq.layers.0,weight_norm_sq.layers.1,phase,mine,note
0,1.5,200.0,150.5,1.0,2.0,before,7,a
1,1.25,200.0,,1.0,2.0,before,,b
3,inf,200.0,210.0,1.0,2.0,II,8,
4,1.0,200.0,2";

fn table(text: &str) -> Table {
    Table::parse("run/trace.csv", text).unwrap()
}

fn run(name: &str) -> std::path::PathBuf {
    let stored = Path::new("tests/runs");
    stored.join(name)
}

#[test]
fn known_and_unknown_columns_are_kept() {
    let trace = Trace::from_table(&table(TEXT), Facts::default()).unwrap();
    assert_eq!(trace.steps(), [0, 1, 3]);
    assert_eq!(
        trace.column("lambda_1").unwrap(),
        [Some(150.5), None, Some(210.0)]
    );
    assert_eq!(trace.column("mine").unwrap(), [Some(7.0), None, Some(8.0)]);
    assert_eq!(trace.text("phase").unwrap(), ["before", "before", "II"]);
    assert_eq!(trace.text("note").unwrap(), ["a", "b", ""]);
    assert_eq!(trace.column("note"), None);
    assert_eq!(trace.facts().layers, ["layers.0", "layers.1"]);
}

#[test]
fn the_step_size_comes_from_the_threshold_if_the_manifest_has_none() {
    let trace = Trace::from_table(&table(TEXT), Facts::default()).unwrap();
    assert_eq!(trace.step_size(), Some(0.01));
    assert_eq!(
        trace.sharpness(),
        [
            (0, Some(150.5), 200.0),
            (1, None, 200.0),
            (3, Some(210.0), 200.0)
        ]
    );
    let facts = Facts {
        step_size: Some(0.5),
        ..Facts::default()
    };
    let trace = Trace::new(facts, vec![7]).unwrap();
    let trace = trace.with("lambda_1", vec![Some(3.0)]).unwrap();
    assert_eq!(trace.sharpness(), [(7, Some(3.0), 4.0)]);
    let unknown = Trace::new(Facts::default(), vec![7]).unwrap();
    assert_eq!(unknown.sharpness()[0].1, None);
}

#[test]
fn errors_name_line_and_column() {
    let error = |text: &str| {
        Trace::from_table(&table(text), Facts::default())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("step,gram_lambda_2\n0,1\n1,x\n"),
        "run/trace.csv: line 3, column gram_lambda_2: \"x\" is not a number"
    );
    assert_eq!(
        error("step,loss\n0,1\n4,1\n4,1\n"),
        "run/trace.csv: line 4: step 4 follows step 4; steps have to increase"
    );
    assert_eq!(error("time\n0\n"), "run/trace.csv has no column `step`");
}

#[test]
fn a_trace_in_memory_is_checked_too() {
    let trace = Trace::new(Facts::default(), vec![0, 1]).unwrap();
    let error = trace.with("loss", vec![None]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column loss has 1 values for 2 steps; give one a step, empty or not"
    );
    assert!(matches!(
        Trace::new(Facts::default(), vec![0, 3, 2]),
        Err(TraceError::OrderInMemory {
            row: 2,
            step: 2,
            previous: 3
        })
    ));
}

#[test]
fn a_column_without_a_finite_number_is_not_measured() {
    let trace = Trace::new(Facts::default(), vec![0, 1]).unwrap();
    let trace = trace
        .with("loss", vec![Some(f64::NAN), None])
        .unwrap()
        .with("time", vec![None, Some(0.1)])
        .unwrap();
    assert!(trace.column("loss").is_some() && trace.measured("loss").is_none());
    assert!(trace.measured("time").is_some());
}

#[test]
fn a_folder_is_read_with_its_manifest() {
    let trace = Trace::read(&run("cycle")).unwrap();
    let facts = trace.facts();
    assert_eq!(facts.name, "cycle");
    assert_eq!(facts.step_size, Some(0.01));
    assert_eq!(facts.samples, Some(200));
    assert_eq!(facts.outputs, Some(1));
    assert_eq!(facts.outcome.as_deref(), Some("completed"));
    assert_eq!(facts.first_crossing, Some(4));
    let loss = facts.loss.as_ref().unwrap();
    assert_eq!((loss.kind.as_str(), loss.factor), ("mse", Some(1.0)));
    assert_eq!(facts.layers, ["layers.0", "layers.1"]);
    // The run's own rule, not the default's 3.
    assert_eq!(facts.phases.hysteresis, 5);
}

#[test]
fn a_folder_without_a_manifest_is_named_by_itself() {
    let trace = Trace::read(&run("bare")).unwrap();
    assert_eq!(trace.facts().name, "bare");
    assert_eq!(trace.facts().loss, None);
    assert_eq!(trace.facts().phases, PhaseParams::default());
    assert_eq!(trace.steps(), [0, 1]);
}

#[test]
fn a_manifest_that_is_none_is_named() {
    let error = Trace::read(&run("broken")).unwrap_err();
    assert!(matches!(&error, TraceError::Manifest { path, .. } if path.ends_with("manifest.json")));
    assert!(matches!(
        Trace::read(&run("not-there")),
        Err(TraceError::Table(crate::TableError::Read { .. }))
    ));
}
