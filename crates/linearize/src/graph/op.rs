//! The operations that programs are made of: few, and each with one meaning.

use std::hash::{Hash, Hasher};

/// A float attribute that can be compared and hashed by its bits.
#[derive(Debug, Clone, Copy)]
pub struct Scalar(pub f64);

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// What the elements of a value are. Floats take the precision of the run, not of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Real numbers, in the precision that the program is executed in.
    Float,
    /// Indices, in the device's default integer type.
    Int,
    /// Masks, in the device's default boolean type.
    Bool,
}

/// Elementwise functions of one float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unary {
    /// e^x.
    Exp,
    /// ln x.
    Log,
    /// ln(1 + x).
    Log1p,
    /// √x.
    Sqrt,
    /// 1/x.
    Recip,
    /// tanh x.
    Tanh,
    /// The error function.
    Erf,
    /// sin x.
    Sin,
    /// cos x.
    Cos,
    /// |x|.
    Abs,
    /// −1, 0 or 1.
    Sign,
    /// 1/(1 + e^−x).
    Sigmoid,
    /// ln σ(x).
    LogSigmoid,
    /// max(x, 0).
    Relu,
    /// The nearest integer; its derivative is zero, like those of the next three.
    Round,
    /// The largest integer below.
    Floor,
    /// The smallest integer above.
    Ceil,
    /// The integer part.
    Trunc,
}

/// Elementwise functions of two floats, with broadcasting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binary {
    /// x + y.
    Add,
    /// x − y.
    Sub,
    /// x · y.
    Mul,
    /// x / y.
    Div,
    /// x^y for positive x.
    Pow,
}

/// Comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// =
    Equal,
    /// ≠
    NotEqual,
    /// >
    Greater,
    /// ≥
    GreaterEqual,
    /// <
    Lower,
    /// ≤
    LowerEqual,
}

/// Functions of masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Logic {
    /// ¬x
    Not,
    /// x ∧ y
    And,
    /// x ∨ y
    Or,
    /// x ⊕ y
    Xor,
}

/// A range along one dimension: `start..end`, every `step`-th (`step` may be negative, as in Burn).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    /// First index.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// Stride.
    pub step: isize,
}

/// Geometry of a two-dimensional convolution.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// Stride by dimension.
    pub stride: [usize; 2],
    /// Padding before and after, by dimension.
    pub padding: [(usize, usize); 2],
    /// Dilation by dimension.
    pub dilation: [usize; 2],
    /// Groups of channels.
    pub groups: usize,
}

/// Geometry of a two-dimensional pooling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pooling {
    /// Window.
    pub kernel: [usize; 2],
    /// Stride.
    pub stride: [usize; 2],
    /// Padding on both sides.
    pub padding: [usize; 2],
    /// Dilation (maximum pooling only).
    pub dilation: [usize; 2],
    /// Whether padding counts in the mean (average pooling only).
    pub count_include_pad: bool,
    /// Whether a partial last window counts.
    pub ceil: bool,
}

/// An operation. Its arguments are the node's `args`, in the order given here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// A value bound at execution, by its number.
    Input(usize),
    /// A value fixed by the trace, by its number.
    Constant(usize),
    /// One float, everywhere.
    Full(Scalar),
    /// `f(x)`.
    Unary(Unary),
    /// `x^p`.
    Power(Scalar),
    /// `x + c`.
    AddScalar(Scalar),
    /// `c·x`.
    MulScalar(Scalar),
    /// `min(max(x, low), high)`.
    Clamp(Scalar, Scalar),
    /// `f(x, y)`.
    Binary(Binary),
    /// `x ? y`, a mask.
    Compare(Comparison),
    /// `x ? c`, a mask.
    CompareScalar(Comparison, Scalar),
    /// A function of masks.
    Logic(Logic),
    /// `(tensor, mask, value)`: value where the mask is set, else tensor.
    MaskWhere,
    /// A mask or integers, as floats.
    ToFloat,
    /// The value itself, held constant by differentiation.
    StopGradient,
    /// Another shape, same order of elements.
    Reshape,
    /// Dimensions reordered: output dimension i is input dimension `axes[i]`.
    Permute(Vec<usize>),
    /// Broadcast to the node's shape, which may have more dimensions in front.
    Expand,
    /// A rectangular part.
    Slice(Vec<Range>),
    /// `(tensor, value)`: the part replaced.
    SliceAssign(Vec<Range>),
    /// Joined along a dimension.
    Concat(usize),
    /// Reversed along dimensions.
    Flip(Vec<usize>),
    /// `(tensor, indices)`: picked along a dimension, one index an element.
    Gather(usize),
    /// `(tensor, indices, value)`: value added at the indices along a dimension.
    ScatterAdd(usize),
    /// `(tensor, indices)`: whole slices picked along a dimension by a vector of indices.
    Select(usize),
    /// `(tensor, indices, value)`: whole slices added along a dimension.
    SelectAdd(usize),
    /// Summed over dimensions, which stay with length 1.
    Sum(Vec<usize>),
    /// Running sum along a dimension.
    CumulativeSum(usize),
    /// Index of the maximum along a dimension, which stays with length 1.
    ArgMax(usize),
    /// Index of the minimum along a dimension, which stays with length 1.
    ArgMin(usize),
    /// Matrix product over the last two dimensions.
    Matmul,
    /// `(x, weight)`.
    Conv2d(Convolution),
    /// `(weight, output gradient)`: gradient of a convolution by its input, of the node's shape.
    Conv2dInput(Convolution),
    /// `(x, output gradient)`: gradient of a convolution by its weight, of the node's shape.
    Conv2dWeight(Convolution),
    /// Mean over windows.
    AvgPool2d(Pooling),
    /// `(output gradient)`: gradient of the mean over windows, of the node's shape.
    AvgPool2dInput(Pooling),
    /// Place of each window's maximum within its plane, as an index into height × width.
    MaxPool2dIndices(Pooling),
}

impl Op {
    /// The operation's name, for errors.
    pub fn name(&self) -> String {
        let debug = format!("{self:?}");
        debug
            .split(['(', ' ', '{'])
            .next()
            .unwrap_or_default()
            .to_owned()
    }
}
