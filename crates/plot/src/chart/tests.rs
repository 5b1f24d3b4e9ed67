//! Layout of grids, and what is drawn of them.

use super::*;

fn curve(name: &str, at: usize, values: impl IntoIterator<Item = f64>) -> Curve {
    let y: Vec<Option<f64>> = values.into_iter().map(Some).collect();
    let x: Vec<f64> = (0..y.len()).map(|t| t as f64).collect();
    Curve::new(name, style::compared(at), &x, &y)
}

fn panel(title: &str, curves: Vec<Curve>) -> Panel {
    Panel {
        title: title.to_owned(),
        left: Axis {
            label: format!("{title} axis"),
            curves,
            ..Axis::default()
        },
        ..Panel::default()
    }
}

fn count(svg: &str, text: &str) -> usize {
    svg.matches(&format!("\n{text}\n</text>")).count()
}

fn ramp() -> impl Iterator<Item = f64> {
    (0..100).map(f64::from)
}

#[test]
fn the_legend_names_each_curve_once() {
    let panels = vec![
        panel(
            "first",
            vec![curve("mine", 0, ramp()), curve("yours", 1, ramp())],
        ),
        panel(
            "second",
            vec![curve("mine", 0, ramp()), curve("", 2, ramp())],
        ),
    ];
    let figure = Figure {
        columns: vec![Column::of_steps(panels)],
        caption: "made up".to_owned(),
        ..Figure::default()
    };
    let svg = figure.draw().unwrap();
    for once in ["mine", "yours", "first", "second axis", "made up"] {
        assert_eq!(count(&svg, once), 1, "{once}");
    }
    // Numbers stand below the last panel of a column alone.
    assert_eq!(count(&svg, "80"), 3);
}

#[test]
fn columns_side_by_side_do_not_overlap() {
    let column = || Column::of_steps(vec![panel("a", vec![curve("", 0, ramp())])]);
    let figure = Figure {
        columns: vec![column(), column(), column()],
        width: 900.0,
        ..Figure::default()
    };
    let layout = layout::Layout::of(&figure);
    assert_eq!(layout.columns.len(), 3);
    assert!(layout.columns.iter().all(|column| column.width > 200.0));
    let extents = layout.columns.iter().map(|c| c.left + c.width + c.right);
    assert!((extents.sum::<f64>() - 900.0).abs() < 1e-9);
}

#[test]
fn a_right_axis_has_its_own_range_and_colour() {
    let mut both = panel("both", vec![curve("small", 0, ramp())]);
    both.right = Some(Axis {
        label: "large".to_owned(),
        curves: vec![curve("large", 1, ramp().map(|value| 1e6 * value))],
        ..Axis::default()
    });
    let figure = Figure {
        columns: vec![Column::of_steps(vec![both])],
        ..Figure::default()
    };
    let right = &layout::Layout::of(&figure).columns[0].panels[0].right;
    assert!(right.as_ref().is_some_and(|right| right.range.high > 9e7));
    let svg = figure.draw().unwrap();
    assert!(svg.contains("×10⁸"));
    // The axis's name and numbers, and the curve, in one colour.
    assert!(svg.matches("#D55E00").count() > 5);
}

#[test]
fn moments_and_levels_outside_the_axes_are_left_out() {
    let mut column = Column::of_time(vec![panel("a", vec![curve("", 0, ramp())])]);
    column.marks = vec![Mark {
        x: 1e9,
        name: "far away".to_owned(),
    }];
    let level = |value| Level {
        value,
        label: format!("at {value}"),
        name: String::new(),
        stroke: style::THRESHOLD,
    };
    column.panels[0].left.scale = Scale::Zero { reference: None };
    column.panels[0].left.levels = vec![level(50.0), level(1e9)];
    let figure = Figure {
        columns: vec![column],
        ..Figure::default()
    };
    let svg = figure.draw().unwrap();
    assert!(svg.contains("at 50") && !svg.contains("at 1000000000"));
    // The dashes of the legend's sample only.
    assert!(svg.matches("#555555").count() < 8);
}

#[test]
fn an_empty_figure_is_a_page() {
    let svg = Figure::default().draw().unwrap();
    assert!(svg.contains(" width=\"640\""));
    let empty = Figure {
        columns: vec![
            Column::of_steps(Vec::new()),
            Column::of_steps(vec![Panel::default()]),
        ],
        ..Figure::default()
    };
    empty.draw().unwrap();
}

#[test]
fn no_values_are_too_awkward_to_draw() {
    const AWKWARD: [f64; 11] = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        1e16,
        1.0,
        0.0,
        -1e-300,
    ];
    let scales = [
        Scale::Linear,
        Scale::Zero { reference: None },
        Scale::Zero {
            reference: Some(f64::NAN),
        },
        Scale::Logarithmic,
        Scale::Wide,
    ];
    for (at, a) in AWKWARD.into_iter().enumerate() {
        for b in AWKWARD {
            let axis = |scale| Axis {
                scale,
                curves: vec![Curve::new(
                    "",
                    style::compared(at),
                    &[a, 0.0, 1.0, b],
                    &[Some(b), Some(a), None, Some(b)],
                )],
                levels: vec![Level {
                    value: a,
                    label: format!("{a}"),
                    name: String::new(),
                    stroke: style::THRESHOLD,
                }],
                ..Axis::default()
            };
            let panels = scales.map(|scale| Panel {
                left: axis(scale),
                right: Some(axis(scale)),
                height: b,
                ..Panel::default()
            });
            let mut steps = Column::of_steps(panels.to_vec());
            steps.marks = vec![Mark {
                x: a,
                name: "here".to_owned(),
            }];
            steps.bands = vec![Band {
                from: a,
                to: b,
                phase: brink_analysis::phases::Phase::II,
            }];
            let mut time = Column::of_time(panels.to_vec());
            time.shared = false;
            let figure = Figure {
                columns: vec![steps, time],
                width: a,
                ..Figure::default()
            };
            let svg = figure.draw().unwrap();
            let attribute = |says: &str| svg.contains(&format!("=\"{says}"));
            assert!(!attribute("NaN") && !attribute("inf"), "{a} {b}");
        }
    }
}
