//! Everything that can end a command, by layer.

use std::path::PathBuf;

use brink_plot::PlotError;
use brink_plot::png::PngError;
use miette::Diagnostic;

use crate::atomic::WriteError;
use crate::backend::BackendError;
use crate::checkpoint::CheckpointError;
use crate::conclude::Failure;
use crate::config::ConfigError;
use crate::run_folder::FolderError;

/// An error of a command.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum Error {
    /// The config cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),
    /// The config cannot be printed.
    #[error("the config cannot be written as TOML")]
    PrintConfig(#[from] toml::ser::Error),
    /// There is nothing to compute on.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Backend(#[from] BackendError),
    /// The data cannot be loaded.
    #[error(transparent)]
    Data(#[from] brink_data::Error),
    /// A folder of CIFAR-10 cannot be read.
    #[error(transparent)]
    Cifar(#[from] brink_data::CifarError),
    /// CIFAR-10 cannot be downloaded.
    #[error(transparent)]
    Fetch(#[from] brink_data::FetchError),
    /// The network cannot be built.
    #[error("cannot build the network")]
    Build(#[from] brink_model::BuildError),
    /// A run cannot be resumed or branched.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A state does not belong to the run.
    #[error("the state in the checkpoint does not fit the run")]
    #[diagnostic(help(
        "another build of brink wrote it, whose runs remember other things: use that build, or start \
         from its weights with model.weights"
    ))]
    State(#[from] brink_dynamics::state::StateError),
    /// The loss or the network asks for something impossible.
    #[error("cannot build the network")]
    Model(#[from] brink_model::ConfigError),
    /// Weights cannot be taken from the device.
    #[error("cannot read the weights back")]
    Weights(#[from] brink_model::WeightsError),
    /// A weight file cannot be written.
    #[error("cannot write the weights")]
    WeightFile(#[from] brink_model::WeightFileError),
    /// The inputs cannot be compressed.
    #[error("cannot compress the inputs")]
    Compress(#[from] brink_model::RowSpaceError),
    /// A measurement is asked for that cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Measure(#[from] crate::train::MeasureRequestError),
    /// A setting asks for more than the network or the data have.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Size(#[from] crate::train::SizeError),
    /// A test set is measured on, and the data have none.
    #[error("[measure.test] needs a test set, and the data have none")]
    #[diagnostic(help(
        "set data.test_samples for the sources file and sequence; put the test set's own file beside \
         the others: test_batch.bin of CIFAR-10, test.bin of CIFAR-100, t10k-… of MNIST; or remove the \
         table"
    ))]
    NoTestSet,
    /// Gradients of classes are asked for, and the targets are none.
    #[error(
        "measure.subspace.class_gradients needs targets that are classes, and the data have real \
         values"
    )]
    #[diagnostic(help("remove the key, or give whole numbers as targets, which are classes"))]
    NoClasses,
    /// The loss is not one of the data's targets.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Targets(#[from] crate::train::WrongTargets),
    /// A measurement cannot be set up.
    #[error("cannot set up a measurement")]
    Measurement(#[from] brink_dynamics::eigen::EigenError),
    /// The config is not one that the recursion describes.
    #[error(transparent)]
    Unsupported(#[from] crate::theory::Unsupported),
    /// The recursion cannot go on.
    #[error("the recursion failed")]
    Theory(#[from] brink_theory::TheoryError),
    /// A trace cannot be read.
    #[error(transparent)]
    #[diagnostic(help("{}", .0.advice()))]
    Trace(#[from] brink_analysis::TraceError),
    /// There is no such figure.
    #[error(transparent)]
    NoSuchFigure(#[from] crate::figures::NoSuchFigure),
    /// A report cannot be written as JSON.
    #[error("cannot write the report as JSON")]
    Json(#[from] serde_json::Error),
    /// The loss cannot be differentiated.
    #[error("cannot trace the loss")]
    Linearize(#[from] brink_linearize::LinearizeError),
    /// The run cannot begin.
    #[error("the run cannot begin")]
    Begin(#[source] Box<brink_dynamics::RunError>),
    /// Burn panicked before the run began.
    #[error("the run cannot be set up")]
    #[diagnostic(help(
        "if the device is out of memory: run.microbatch computes on fewer samples at a time, \
         --backend flex on the CPU"
    ))]
    SetUp(#[from] brink_dynamics::Panicked),
    /// The run ended in an error.
    #[error("the run failed; what it had recorded is in {}", folder.display())]
    #[diagnostic(help("{}", first.advice()))]
    Run {
        /// The run's folder.
        folder: PathBuf,
        /// Why.
        #[source]
        first: Failure,
        /// What could not be written besides.
        #[related]
        others: Vec<Failure>,
    },
    /// The run came to its end, and a file of it is missing.
    #[error("the run has ended, but not all of its files could be written to {}", folder.display())]
    #[diagnostic(help("{}", first.advice()))]
    Unwritten {
        /// The run's folder.
        folder: PathBuf,
        /// The first file.
        #[source]
        first: Failure,
        /// The others.
        #[related]
        others: Vec<Failure>,
    },
    /// The run's folder cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Folder(#[from] FolderError),
    /// A file cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Write(#[from] WriteError),
    /// A figure cannot be drawn.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Plot(#[from] PlotError),
    /// A figure cannot be turned into PNG.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Png(#[from] PngError),
    /// This precision needs another backend.
    #[error("the backend {backend} does not compute in float64")]
    #[diagnostic(help("use --dtype float32, or a CPU backend: --backend flex or ndarray"))]
    Float64 {
        /// The backend asked for.
        backend: crate::backend::Backend,
    },
    /// What is asked for cannot be written to standard output.
    #[error("cannot print")]
    Print(#[from] std::io::Error),
    /// A signal came before the next run began.
    #[error("stopped before the next run began")]
    Stopped,
    /// Signals cannot be listened for.
    #[error("cannot listen for Ctrl-C")]
    Interrupt(#[source] std::io::Error),
}
