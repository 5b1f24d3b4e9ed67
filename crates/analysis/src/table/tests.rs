use super::*;

const TEXT: &str = "step,loss,phase\n0,2.5,before\n5,,\n10,NaN,II\n";

#[test]
fn columns_are_found_by_name() {
    let table = Table::parse("trace.csv", TEXT).unwrap();
    assert_eq!(table.header(), ["step", "loss", "phase"]);
    assert_eq!((table.len(), table.column("time")), (3, None));
    let steps: Vec<u64> = table.parsed(0, "a whole number").unwrap();
    assert_eq!(steps, [0, 5, 10]);
    let loss = table.numbers(table.required("loss").unwrap()).unwrap();
    assert_eq!(loss[..2], [Some(2.5), None]);
    assert!(loss[2].is_some_and(f64::is_nan));
    let phases: Vec<&str> = table.cells(2).collect();
    assert_eq!(phases, ["before", "", "II"]);
    assert_eq!((table.line(0), table.line(3)), (Some(2), None));
}

#[test]
fn a_row_that_is_still_being_written_is_left_out() {
    for rest in ["15,1", "15", "15,1,\"I", "é"] {
        let text = format!("{TEXT}{rest}");
        // Cut inside the last character too.
        for bytes in [text.as_bytes(), &text.as_bytes()[..text.len() - 1]] {
            let table = Table::from_bytes("trace.csv".into(), bytes).unwrap();
            assert_eq!(table.len(), 3, "{rest}");
        }
    }
    assert!(Table::parse("trace.csv", "step,lo").unwrap().is_empty());
}

#[test]
fn errors_say_where() {
    let message = |text: &str| {
        let table = Table::parse("run/trace.csv", text);
        let numbers = table.and_then(|table| table.numbers(1));
        numbers.unwrap_err().to_string()
    };
    assert_eq!(
        message("step,loss\n0,1\n1,two\n"),
        "run/trace.csv: line 3, column loss: \"two\" is not a number"
    );
    assert_eq!(
        message("step,loss\n0,1\n1\n"),
        "run/trace.csv: line 3 has 1 cells, the header has 2"
    );
    assert_eq!(
        message("loss,loss\n"),
        "run/trace.csv has two columns named `loss`"
    );
    let table = Table::parse("run/trace.csv", "step\n").unwrap();
    assert_eq!(
        table.required("loss").unwrap_err().to_string(),
        "run/trace.csv has no column `loss`"
    );
}

#[test]
fn an_empty_cell_parses_only_where_it_may_be_empty() {
    let table = Table::parse("trace.csv", TEXT).unwrap();
    assert!(table.parsed::<f64>(1, "a number").is_err());
    assert_eq!(table.optional::<f64>(1, "a number").unwrap()[1], None);
}

#[test]
fn empty_cells_and_columns_beside_the_table_are_no_numbers() {
    let table = Table::parse("trace.csv", ",a\n,\n,\n").unwrap();
    assert_eq!((table.len(), table.line(1)), (2, Some(3)));
    for column in [0, 1, 2, usize::MAX] {
        assert_eq!(table.numbers(column).unwrap(), [None, None]);
        assert_eq!(table.cells(column).collect::<Vec<_>>(), ["", ""]);
    }
}

#[test]
fn what_is_no_file_or_too_large_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let error = Table::read(folder.path()).unwrap_err();
    assert!(matches!(
        &error,
        TableError::Read {
            source: ReadFault::NotAFile { kind: "a folder" },
            ..
        }
    ));
    let path = folder.path().join("trace.csv");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(LIMIT + 1)
        .unwrap();
    let error = Table::read(&path).unwrap_err();
    assert!(matches!(
        &error,
        TableError::Read {
            source: ReadFault::TooLarge { limit: LIMIT, .. },
            ..
        }
    ));
    assert!(error.advice().contains("every tenth row"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Table::read("no-such-run/trace.csv").unwrap_err();
    assert!(matches!(&error, TableError::Read { path, .. } if path.ends_with("trace.csv")));
    assert!(error.advice().contains("folder of a run"));
}
