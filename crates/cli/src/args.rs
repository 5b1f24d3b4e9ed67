//! The command line.

// Help texts are for the terminal, where `<name>` is no tag.
#![allow(rustdoc::invalid_html_tags)]

use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Args, FromArgMatches, Parser, Subcommand};

use crate::config::overrides::Override;
use crate::measure::table_names;

/// Gradient descent at the edge of stability, measured at every step.
#[derive(Debug, Parser)]
#[command(name = "brink", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a network as a config says, and measure it
    Train(Train),
    /// Go on with a run that was stopped, in its folder, to the same files
    Resume(Resume),
    /// Start a new run from a checkpoint of another, with other settings
    Fork(Fork),
    /// Measure a run at one of its checkpoints, or weights from a file
    Measure(Measure),
    /// Follow a two-layer linear network by the theory's closed recursion instead of training it
    Theory(Theory),
    /// Make the paper's seven figures, with the runs that they need
    Figures(Figures),
    /// Judge a run by the paper's assumptions: report.html and report.json
    Report(Report),
    /// Draw a run's figure again from its trace
    Plot(Plot),
    /// List the backends of this build and the devices they find
    Devices,
    /// Get CIFAR-10, or look at it
    #[command(subcommand)]
    Data(Data),
    /// Check a config, or list the keys it may have
    #[command(subcommand)]
    Config(Config),
}

/// What a run's exit code says; it is also in README.md.
const EXIT_CODES: &str = "\
Exit codes: 0 the run came to its end, or diverged; 1 it failed, or a file could not be written;
2 the command line cannot be read; 130, 143, 129 it was stopped by Ctrl-C (SIGINT), SIGTERM, SIGHUP.

A stopped run finishes its step, or gives up a long measurement with it, and writes everything. A
second Ctrl-C or SIGTERM ends it at once.
Under nohup, SIGHUP stays ignored.";

/// `brink train`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Train {
    /// The config, a TOML file such as configs/quickstart.toml
    pub config: PathBuf,
    /// What computes: ndarray, flex, wgpu or cuda, of those compiled in; gpu is cuda or wgpu
    #[arg(long, overrides_with = "backend")]
    pub backend: Option<String>,
    /// A number from `brink devices`, or discrete, integrated, virtual, cpu
    #[arg(long, allow_negative_numbers = true)]
    pub device: Option<String>,
    /// The run's folder, instead of the next outputs/<name>-<n>
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace the files of an earlier run in --out
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Say nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
    /// Changes to the config
    #[command(flatten)]
    pub changes: Changes,
}

/// `brink resume`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Resume {
    /// The run's folder
    pub run: PathBuf,
    /// The step to go on from, of those with a checkpoint, instead of the last
    #[arg(long, value_name = "STEP", allow_negative_numbers = true, value_parser = step)]
    pub from: Option<u64>,
    /// Change optimizer.steps, optimizer.stop_loss, optimizer.stop_accuracy or run.checkpoint.*, for
    /// instance --set optimizer.steps=2000; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Say nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// `brink fork`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Fork {
    /// The folder of the run to branch off from
    pub run: PathBuf,
    /// The step to begin at, of those with a checkpoint
    #[arg(long, value_name = "STEP", allow_negative_numbers = true, value_parser = step)]
    pub at: u64,
    /// The new run's name, instead of the config's; names its folder
    #[arg(long)]
    pub name: Option<String>,
    /// Change the config, for instance --set optimizer.step_size=0.1; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Remove a key or a table of the config, for instance --unset measure.flow; may be repeated
    #[arg(long, value_name = "KEY")]
    pub unset: Vec<String>,
    /// Begin without what the optimizer remembers of the steps before
    #[arg(long)]
    pub fresh_optimizer: bool,
    /// What computes, instead of what the other run is computed by
    #[arg(long, overrides_with = "backend")]
    pub backend: Option<String>,
    /// A number from `brink devices`, or discrete, integrated, virtual, cpu
    #[arg(long, allow_negative_numbers = true)]
    pub device: Option<String>,
    /// The new run's folder, instead of the next outputs/<name>-<n>
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace the files of an earlier run in --out
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Say nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
}

/// `brink measure`.
#[derive(Debug, Args)]
pub struct Measure {
    /// The folder of a run, or a .safetensors file of weights
    #[arg(value_name = "RUN")]
    pub path: PathBuf,
    /// The step, of those with a checkpoint, instead of the last
    #[arg(long, value_name = "STEP", allow_negative_numbers = true, value_parser = step)]
    pub at: Option<u64>,
    /// The config that a file of weights belongs to
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to measure
    #[command(flatten)]
    pub tables: Tables,
    /// What computes, instead of what the run is computed by
    #[arg(long, overrides_with = "backend")]
    pub backend: Option<String>,
    /// A number from `brink devices`, or discrete, integrated, virtual, cpu
    #[arg(long, allow_negative_numbers = true)]
    pub device: Option<String>,
    /// Where the files go, instead of RUN/measure-<step>
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Say nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
    /// Changes to the config: measure.*, data.* and run.*
    #[command(flatten)]
    pub changes: Changes,
}

/// Tables of `[measure]`, each by an option of its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables(pub Vec<&'static str>);

/// The option that names a table.
pub fn flag_of(table: &str) -> String {
    format!("--{}", table.replace('_', "-"))
}

impl Args for Tables {
    fn augment_args(command: clap::Command) -> clap::Command {
        static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
            let names = table_names().iter();
            names.map(|table| table.replace('_', "-")).collect()
        });
        let option = |(table, word): (&&'static str, &'static String)| {
            clap::Arg::new(*table)
                .long(word.as_str())
                .action(clap::ArgAction::SetTrue)
                .help_heading("What to measure")
                .help(format!("[measure.{table}]"))
        };
        command.args(table_names().iter().zip(WORDS.iter()).map(option))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Tables {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
        let named = table_names().iter().copied();
        Ok(Self(
            named.filter(|table| matches.get_flag(table)).collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// `brink theory`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Theory {
    /// The config, as for `brink train`: one hidden linear layer, no biases, binary targets, mse
    pub config: PathBuf,
    /// Instead of a run: how far a network of each width is from the recursion without its terms
    /// in 1/m, at the same outputs, ‖A‖²/m and G/m
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "WIDTHS",
        conflicts_with = "out",
        allow_negative_numbers = true,
        value_parser = width
    )]
    pub widths: Vec<usize>,
    /// The run's folder, instead of the next outputs/<name>-theory-<n>
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace the files of an earlier run in --out
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Say nothing but errors
    #[arg(long, short)]
    pub quiet: bool,
    /// Changes to the config
    #[command(flatten)]
    pub changes: Changes,
}

/// `brink figures`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct Figures {
    /// Only these figures, by number, such as 1,3
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "NUMBERS",
        allow_negative_numbers = true,
        value_parser = figure
    )]
    pub only: Vec<usize>,
    /// Folder of the figures' configs, instead of those built in (the repository's configs/figures)
    #[arg(long, value_name = "DIR")]
    pub configs: Option<PathBuf>,
    /// Where the runs go; those that are there with the same config are not repeated
    #[arg(long, value_name = "DIR", default_value = "outputs/figures")]
    pub runs: PathBuf,
    /// Where the figures go
    #[arg(long, value_name = "DIR", default_value = "outputs/figures")]
    pub out: PathBuf,
    /// What computes: ndarray, flex, wgpu or cuda, of those compiled in; gpu is cuda or wgpu
    #[arg(long, overrides_with = "backend")]
    pub backend: Option<String>,
    /// Folder of CIFAR-10's binary files: data.dir
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Change every config, for instance --set optimizer.steps=100; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Say nothing but errors and the figures' paths
    #[arg(long, short)]
    pub quiet: bool,
}

impl Figures {
    /// The changes that all runs share, but for `--set`.
    pub fn changes(&self) -> Changes {
        Changes {
            data_dir: self.data_dir.clone(),
            ..Changes::default()
        }
    }
}

/// `brink report`.
#[derive(Debug, Args)]
pub struct Report {
    /// The run's folder
    pub run: PathBuf,
    /// Where report.html and report.json go, instead of the run's folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// A seed, as the config's `model.seed`.
fn seed(text: &str) -> Result<u64, String> {
    whole(text, "seeds are whole numbers from 0")
}

/// A step of a run.
fn step(text: &str) -> Result<u64, String> {
    whole(text, "steps are whole numbers from 0")
}

/// A width of a network.
fn width(text: &str) -> Result<usize, String> {
    whole(text, "widths are whole numbers from 1, such as 256,1024")
}

/// A figure's number.
fn figure(text: &str) -> Result<usize, String> {
    whole(text, "figures are numbered from 1, such as 1,3")
}

fn whole<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| what.to_owned())
}

/// Options that change the config.
#[derive(Debug, Default, Args)]
pub struct Changes {
    /// Change the config, for instance --set optimizer.steps=100; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Folder of CIFAR-10's binary files: data.dir
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Seed of the initial weights: model.seed. The data stay the same
    #[arg(long, allow_negative_numbers = true, value_parser = seed)]
    pub seed: Option<u64>,
    /// float32 or float64: run.dtype
    #[arg(long)]
    pub dtype: Option<String>,
}

impl Changes {
    /// The changes in the order of their precedence: an option of its own before `--set`, so that
    /// the more explicit word wins.
    pub fn overrides(&self) -> Vec<Override> {
        let mut overrides = Vec::new();
        if let Some(folder) = &self.data_dir {
            let folder = folder.display().to_string();
            overrides.push(Override::option("--data-dir", "data.dir", folder));
        }
        if let Some(seed) = self.seed {
            overrides.push(Override::number("--seed", "model.seed", seed));
        }
        if let Some(dtype) = &self.dtype {
            overrides.push(Override::option("--dtype", "run.dtype", dtype.clone()));
        }
        overrides.extend(self.set.iter().map(|set| Override::set(set)));
        overrides
    }
}

/// `brink plot`.
#[derive(Debug, Args)]
pub struct Plot {
    /// The run's folder
    pub run: PathBuf,
    /// The figure, instead of RUN/trace.svg
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Draw these columns of trace.csv instead, such as lambda_1,batch_sharpness, to RUN/columns.svg;
    /// repeated for one panel more
    #[arg(long, value_name = "COLUMNS")]
    pub panel: Vec<String>,
    /// Write a PNG of the same name beside it
    #[arg(long)]
    pub png: bool,
    /// Dots an inch of the PNG; the figure is 640 points wide
    #[arg(
        long,
        default_value_t = 144.0,
        requires = "png",
        allow_negative_numbers = true
    )]
    pub dpi: f32,
}

/// `brink data`.
#[derive(Debug, Subcommand)]
pub enum Data {
    /// Download CIFAR-10 from its authors' site, check and unpack it
    Fetch {
        /// Where to put it, instead of datasets
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Say nothing but errors
        #[arg(long, short)]
        quiet: bool,
    },
    /// Print counts by class, channel statistics and a checksum: of CIFAR-10's files, or of what a
    /// config trains and tests on
    Inspect {
        /// Where CIFAR-10 is, instead of datasets/cifar-10-batches-bin
        #[arg(long, value_name = "DIR")]
        data_dir: Option<PathBuf>,
        /// The config whose data to look at
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Change the config, for instance --set data.samples=100; may be repeated
        #[arg(long, value_name = "KEY=VALUE", requires = "config")]
        set: Vec<String>,
    },
}

/// `brink config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print the config with every default filled in, or what is wrong with it
    Check {
        /// The config
        config: PathBuf,
        /// Changes to the config
        #[command(flatten)]
        changes: Changes,
    },
    /// List every key with its default and meaning
    Keys,
    /// List every column that a trace may have, what it holds, and the table that adds it
    Columns,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn negative_numbers_are_told_what_is_expected() {
        let cases: [(&[&str], &str); 4] = [
            (
                &["train", "x", "--seed", "-1"],
                "seeds are whole numbers from 0",
            ),
            (
                &["theory", "x", "--widths", "-4"],
                "widths are whole numbers",
            ),
            (&["figures", "--only", "-1"], "figures are numbered from 1"),
            (
                &["train", "x", "--seed", "1.5"],
                "seeds are whole numbers from 0",
            ),
        ];
        for (arguments, says) in cases {
            let words = ["brink"].iter().chain(arguments);
            let error = Cli::try_parse_from(words).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("-- -"), "{error}");
        }
        // These words are judged later, by what knows the devices and the sizes of a picture.
        assert!(Cli::try_parse_from(["brink", "train", "x", "--device", "-1"]).is_ok());
        assert!(Cli::try_parse_from(["brink", "plot", "x", "--png", "--dpi", "-1"]).is_ok());
    }

    #[test]
    fn the_last_backend_named_counts() {
        let words = [
            "brink",
            "train",
            "x",
            "--backend",
            "flex",
            "--backend",
            "ndarray",
        ];
        let Command::Train(train) = Cli::try_parse_from(words).unwrap().command else {
            panic!("another command");
        };
        assert_eq!(train.backend.as_deref(), Some("ndarray"));
    }

    #[test]
    fn force_needs_a_folder() {
        assert!(Cli::try_parse_from(["brink", "train", "x.toml", "--force"]).is_err());
        assert!(Cli::try_parse_from(["brink", "train", "x.toml", "--force", "--out", "y"]).is_ok());
    }
}
