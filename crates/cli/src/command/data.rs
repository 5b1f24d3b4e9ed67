//! `brink data`.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use brink_data::{
    Archive, ClassCount, DEFAULT_FOLDER, Dataset, Inspection, Progress, SampleShape,
    SplitInspection, Targets,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args;
use crate::config::Config;
use crate::config::overrides::Override;
use crate::error::Error;
use crate::tell::tell_to;

/// Runs `brink data`.
pub fn run(command: &args::Data, out: &mut impl Write) -> Result<(), Error> {
    match command {
        args::Data::Fetch { dir, quiet } => {
            let folder = dir.as_deref().unwrap_or_else(|| Path::new("datasets"));
            fetch(folder, *quiet, out)
        }
        args::Data::Inspect {
            config: Some(config),
            set,
            data_dir,
        } => {
            let overrides: Vec<Override> = set.iter().map(|set| Override::set(set)).collect();
            let config = Config::load(config, &overrides)?;
            let dataset = brink_data::load(&config.data, data_dir.as_deref())?;
            print_dataset(&dataset, out)?;
            out.flush()?;
            Ok(())
        }
        args::Data::Inspect { data_dir, .. } => {
            let folder = data_dir
                .as_deref()
                .unwrap_or_else(|| Path::new(DEFAULT_FOLDER));
            let inspection = brink_data::inspect(folder)?;
            print(&inspection, out)?;
            out.flush()?;
            Ok(())
        }
    }
}

fn fetch(folder: &Path, quiet: bool, out: &mut impl Write) -> Result<(), Error> {
    let bar = if quiet {
        ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
    } else {
        // On no terminal the bar hides itself: a log needs no thousand lines of it.
        ProgressBar::no_length()
    };
    let fetched = brink_data::fetch(&Archive::default(), folder, &mut |progress| {
        show(&bar, progress);
    });
    bar.finish_and_clear();
    let fetched = fetched?;
    if !quiet {
        let note = if fetched.was_there {
            "was there already"
        } else {
            "is complete, its checksum is right"
        };
        tell_to(out, format_args!("{} {note}", fetched.folder.display()));
    }
    Ok(())
}

fn show(bar: &ProgressBar, progress: Progress) {
    match progress {
        Progress::Downloading { received, total } => {
            if let (Some(total), None) = (total, bar.length()) {
                bar.set_length(total);
                let template = "{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";
                // A template that does not parse leaves indicatif's own style.
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
            }
            bar.set_position(received);
        }
        Progress::Verifying | Progress::Unpacking => {
            bar.set_style(ProgressStyle::default_spinner());
            bar.set_message(match progress {
                Progress::Verifying => "checking the checksum",
                _ => "unpacking",
            });
            bar.enable_steady_tick(Duration::from_millis(200));
        }
    }
}

/// What a config trains and tests on.
fn print_dataset(dataset: &Dataset, out: &mut impl Write) -> std::io::Result<()> {
    let provenance = &dataset.provenance;
    writeln!(out, "{}", provenance.source)?;
    if let Some(reason) = &provenance.fallback {
        writeln!(out, "    because {reason}")?;
    }
    let shape = match dataset.train.shape() {
        SampleShape::Values(shape) => {
            let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
            format!("values of shape {}", sizes.join("×"))
        }
        SampleShape::Tokens { length, vocabulary } => {
            format!("{length} tokens out of {vocabulary}")
        }
    };
    writeln!(out, "    a sample      {shape}")?;
    let (outputs, positions) = (dataset.train.outputs(), dataset.train.positions());
    let plural = if outputs == 1 { "" } else { "s" };
    let at = match positions {
        1 => String::new(),
        _ => format!(" at each of the last {positions} positions"),
    };
    let kind = match dataset.train.targets_kind() {
        Targets::OneHot => "classes, one column each",
        Targets::Binary => "-1 and +1",
        Targets::Values => "real values",
    };
    writeln!(
        out,
        "    its targets   {outputs} column{plural}{at}: {kind}"
    )?;
    let splits = [
        ("training", Some(&provenance.train)),
        ("test", provenance.test.as_ref()),
    ];
    for (name, split) in splits {
        let Some(split) = split else {
            return writeln!(out, "\nno test set");
        };
        writeln!(out, "\n{name}: {} samples", split.samples)?;
        for file in &split.files {
            writeln!(out, "    {}", file.display())?;
        }
        for count in &split.counts {
            print_count(count, out)?;
        }
        writeln!(out, "    sha256        {}", split.sha256)?;
    }
    Ok(())
}

fn print(inspection: &Inspection, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{}", inspection.folder.display())?;
    print_split("training", &inspection.train, out)?;
    match &inspection.test {
        Some(test) => print_split("test", test, out),
        None => writeln!(out, "\nno test set"),
    }
}

fn print_count(count: &ClassCount, out: &mut impl Write) -> std::io::Result<()> {
    let (class, name) = (count.class.id(), count.name.unwrap_or_default());
    writeln!(out, "    {class} {name:10} {:6}", count.count)
}

fn print_split(name: &str, split: &SplitInspection, out: &mut impl Write) -> std::io::Result<()> {
    let files = split.files.len();
    let plural = if files == 1 { "" } else { "s" };
    writeln!(
        out,
        "\n{name}: {} records in {files} file{plural}",
        split.records
    )?;
    for count in &split.counts {
        print_count(count, out)?;
    }
    let rgb = |[r, g, b]: [f64; 3]| format!("{r:.4} {g:.4} {b:.4}");
    writeln!(out, "    mean (r g b)  {}", rgb(split.mean))?;
    writeln!(out, "    std  (r g b)  {}", rgb(split.std))?;
    writeln!(out, "    sha256        {}", split.sha256)
}
