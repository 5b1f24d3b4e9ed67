//! What can be wrong with parameters, in memory and in a file.

use std::io;
use std::path::{Path, PathBuf};

use brink_files::ReadFault;
use burn::tensor::TensorReadError;
use safetensors::tensor::Dtype;

use super::Precision;

/// Parameters that do not make up the network they are meant for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// Two tensors share a name.
    #[error("two tensors are called `{name}`")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A shape that does not fit its values.
    #[error("`{name}` of shape {shape:?} has {values} values")]
    Length {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Number of its values.
        values: usize,
    },
    /// The network has a parameter that is not among the weights.
    #[error("the weights lack `{name}`: were they made for another `model` section?")]
    Missing {
        /// The tensor.
        name: String,
    },
    /// The network has no such parameter.
    #[error(
        "the network has no parameter `{name}`: were the weights made for another `model` section?"
    )]
    Unexpected {
        /// The tensor.
        name: String,
    },
    /// A parameter of another shape.
    #[error("`{name}` has shape {got:?}, and the network needs {expected:?}")]
    Shape {
        /// The tensor.
        name: String,
        /// Its shape.
        got: Vec<usize>,
        /// The shape that the network needs.
        expected: Vec<usize>,
    },
    /// A parameter with more dimensions than networks here have.
    #[error("`{name}` has shape {shape:?}: parameters have 1 to 4 dimensions")]
    Rank {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// The device did not hand over a parameter.
    #[error("cannot read `{name}` from the device")]
    Read {
        /// The tensor.
        name: String,
        /// The device's reason.
        source: TensorReadError,
    },
}

/// A weight file that cannot be read as the network's parameters, or cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct WeightFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Box<WeightFileFault>,
}

impl WeightFileError {
    pub(super) fn new(path: &Path, fault: WeightFileFault) -> Self {
        Self {
            path: path.to_owned(),
            fault: Box::new(fault),
        }
    }
}

/// What is wrong with a weight file. Tensors go by their names in the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightFileFault {
    /// The file cannot be read.
    #[error("cannot be read: {source}")]
    Read {
        /// The reason.
        source: ReadFault,
    },
    /// The file cannot be written.
    #[error("cannot be written: {source}")]
    Write {
        /// The system's reason.
        source: io::Error,
    },
    /// A header longer than any network's, or longer than the file: another kind of file.
    #[error(
        "is no safetensors file: its first 8 bytes would announce a header of {header} bytes, \
         and at most {limit} are read"
    )]
    NoHeader {
        /// The length that the header would have.
        header: u64,
        /// The longest header accepted.
        limit: u64,
    },
    /// Fewer or more bytes than the header describes, or not even those that tell its length.
    #[error("has {bytes} bytes instead of {described}: it was cut off, or added to; save it again")]
    Length {
        /// The file's size.
        bytes: u64,
        /// The size by its header, or the least that a file has.
        described: u64,
    },
    /// A header that is not the JSON of a safetensors file.
    #[error("is no safetensors file: its header cannot be understood: {source}")]
    Header {
        /// The place and the reason.
        source: serde_json::Error,
    },
    /// Two tensors of one name.
    #[error("has two tensors called `{tensor}`: rename or remove one")]
    DuplicateTensor {
        /// The name.
        tensor: String,
    },
    /// A tensor that overlaps the one before it, or leaves a gap.
    #[error(
        "is damaged: `{tensor}` begins at byte {begins} of the values, and the tensor before it \
         ends at {ends}; save it again"
    )]
    Offset {
        /// The tensor.
        tensor: String,
        /// Where it begins.
        begins: usize,
        /// Where the one before it ends.
        ends: usize,
    },
    /// A tensor of another size than its shape and element type make.
    #[error(
        "is damaged: `{tensor}` of shape {shape:?} in {dtype:?} does not have the bytes {begins} \
         to {ends} that its header says; save it again"
    )]
    Size {
        /// The tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Its element type.
        dtype: Dtype,
        /// Where it begins.
        begins: usize,
        /// Where it ends.
        ends: usize,
    },
    /// Metadata that names a layout this program does not know.
    #[error(
        "its metadata says layout = \"{layout}\": \"out_in\" ([out, in], PyTorch's) and \
         \"in_out\" ([in, out]) are known"
    )]
    UnknownLayout {
        /// The layout named.
        layout: String,
    },
    /// Values that are neither float32 nor float64.
    #[error("`{tensor}` holds {dtype:?}: save it as float32 or float64")]
    Dtype {
        /// The tensor.
        tensor: String,
        /// Its element type.
        dtype: Dtype,
    },
    /// A tensor whose name does not end in `.weight` or `.bias`.
    #[error(
        "`{tensor}` is neither a `<layer>.weight` nor a `<layer>.bias`: remove it, or name \
         it `layers.<i>.weight`"
    )]
    UnknownTensor {
        /// The tensor.
        tensor: String,
    },
    /// A tensor that the network needs.
    #[error("`{tensor}` is missing: {advice}")]
    MissingTensor {
        /// The name that the tensor should have there.
        tensor: String,
        /// What to do.
        advice: &'static str,
    },
    /// A tensor that the network has no use for.
    #[error("`{tensor}` has no place in the network: {advice}")]
    ExtraTensor {
        /// The tensor.
        tensor: String,
        /// What to do.
        advice: &'static str,
    },
    /// Another number of layers.
    #[error(
        "{} layers with weights ({}), and the network has {expected}: make the `model` \
         section describe this file's network", found.len(), some(found)
    )]
    LayerCount {
        /// Layers of the network.
        expected: usize,
        /// Layers of the file, by the part of their names before `.weight`.
        found: Vec<String>,
    },
    /// A layer for which there is no weight of its shape.
    #[error(
        "`{layer}` needs the shape {}, and the file has {}: make the `model` section and the \
         data describe this file's network",
        either(out_in, in_out),
        list(candidates)
    )]
    WeightShape {
        /// The parameter, by our name.
        layer: String,
        /// The tensors that may come next by their names, and their shapes.
        candidates: Vec<(String, Vec<usize>)>,
        /// The shape needed in PyTorch's layout; `None` where the metadata excludes it.
        out_in: Option<Vec<usize>>,
        /// The shape needed in the transposed layout; `None` where the metadata excludes it.
        in_out: Option<Vec<usize>>,
    },
    /// A bias of another shape.
    #[error("`{tensor}` has shape {got:?}, and its layer needs {expected:?}")]
    BiasShape {
        /// The tensor.
        tensor: String,
        /// Its shape in the file.
        got: Vec<usize>,
        /// The shape needed.
        expected: Vec<usize>,
    },
    /// A tensor of another shape than the parameter of its name.
    #[error(
        "`{tensor}` has shape {got:?}, and the network needs {expected:?}: make the `model` \
         section and the data describe this file's network"
    )]
    TensorShape {
        /// The tensor.
        tensor: String,
        /// Its shape in the file.
        got: Vec<usize>,
        /// The shape needed.
        expected: Vec<usize>,
    },
    /// Two tensors that should be one.
    #[error(
        "`{}` and `{}` are one matrix in a tied network, and differ at index {index}: {:?} and {:?}; \
         set model.tied = false, or save the network again",
        tensors[0], tensors[1], values[0], values[1]
    )]
    Untied {
        /// Their names.
        tensors: [String; 2],
        /// The first position where they differ, in the order of the network's matrix.
        index: usize,
        /// The values there.
        values: [f64; 2],
    },
    /// One layer is `[out, in]`, another `[in, out]`.
    #[error("`{out_in}` is laid out as [out, in] and `{in_out}` as [in, out]: transpose one")]
    LayoutConflict {
        /// A tensor that fits as `[out, in]` only.
        out_in: String,
        /// A tensor that fits as `[in, out]` only.
        in_out: String,
    },
    /// Unnumbered names that leave the order of the layers open.
    #[error(
        "`{layer}` could be any of {}, by shape, and their names are not numbered alike: \
         name them `layers.<i>.weight`",
        some(tensors)
    )]
    AmbiguousOrder {
        /// The parameter in question, by our name.
        layer: String,
        /// The tensors that would fit, by their names in the file.
        tensors: Vec<String>,
    },
    /// A value that is not finite in the precision of the run.
    #[error(
        "`{tensor}` holds {value:?} at index {index}, which is {}",
        unusable(*value, *precision)
    )]
    NonFinite {
        /// The tensor.
        tensor: String,
        /// Position in the file's order of that tensor.
        index: usize,
        /// The value.
        value: f64,
        /// The precision that it was read for.
        precision: Precision,
    },
}

fn unusable(value: f64, precision: Precision) -> String {
    if value.is_finite() {
        format!(
            "beyond the largest {}: train in float64 (run.dtype), or scale the weights down",
            precision.name()
        )
    } else {
        format!(
            "no start for training in {}: repair the file",
            precision.name()
        )
    }
}

/// The most names that a message lists.
const LISTED: usize = 8;

/// The first names, and how many more there are.
fn some(names: &[String]) -> String {
    let mut listed = names[..names.len().min(LISTED)].join(", ");
    if names.len() > LISTED {
        listed += &format!(" and {} more", names.len() - LISTED);
    }
    listed
}

fn either(out_in: &Option<Vec<usize>>, in_out: &Option<Vec<usize>>) -> String {
    match (out_in, in_out) {
        (Some(a), Some(b)) if a != b => format!("{a:?} ([out, in]) or {b:?} ([in, out])"),
        (Some(shape), _) | (None, Some(shape)) => format!("{shape:?}"),
        (None, None) => String::from("another shape"),
    }
}

fn list(candidates: &[(String, Vec<usize>)]) -> String {
    let worded: Vec<_> = (candidates.iter())
        .map(|(name, shape)| format!("`{name}` {shape:?}"))
        .collect();
    some(&worded)
}
