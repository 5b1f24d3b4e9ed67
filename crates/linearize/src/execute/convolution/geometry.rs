//! Sizes of a convolution.

use std::ops::Range;

use crate::graph::Convolution;

/// Sizes of a convolution of one image, and how places of its input and output meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Geometry {
    pub groups: usize,
    /// Channels, height and width of the input.
    pub input: [usize; 3],
    /// Channels, height and width of the output.
    pub output: [usize; 3],
    /// Height and width.
    pub kernel: [usize; 2],
    stride: [usize; 2],
    before: [usize; 2],
    dilation: [usize; 2],
}

impl Geometry {
    pub fn new(c: &Convolution, input: [usize; 3], output: [usize; 3], kernel: [usize; 2]) -> Self {
        Self {
            groups: c.groups,
            input,
            output,
            kernel,
            stride: c.stride,
            before: c.padding.map(|(before, _)| before),
            dilation: c.dilation,
        }
    }

    /// Elements of an input image.
    pub fn image(&self) -> usize {
        self.input.iter().product()
    }

    /// Elements of an output image.
    pub fn result(&self) -> usize {
        self.output.iter().product()
    }

    /// Places of an output plane: the columns of an unfolded image.
    pub fn places(&self) -> usize {
        self.output[1] * self.output[2]
    }

    /// Elements that a window of one group sees: the rows of an unfolded image.
    pub fn window(&self) -> usize {
        self.input[0] / self.groups * self.kernel[0] * self.kernel[1]
    }

    /// Output channels of one group.
    pub fn filters(&self) -> usize {
        self.output[0] / self.groups
    }

    /// Elements of the weight.
    pub fn weight(&self) -> usize {
        self.output[0] * self.window()
    }

    /// Whether output planes are as wide as input planes, place by place: a kernel's element then
    /// sees a shifted copy of the whole plane.
    pub fn is_shift(&self) -> bool {
        self.stride == [1, 1] && self.input[2] == self.output[2]
    }

    /// Along dimension `d` (0 down, 1 across), the output places at which the kernel's element
    /// `at` sees the input, and what it sees at the first of them.
    pub fn seen(&self, d: usize, at: usize) -> (Range<usize>, usize) {
        let (stride, length) = (self.stride[d], self.input[d + 1]);
        let ahead = at * self.dilation[d];
        let first = self.before[d].saturating_sub(ahead).div_ceil(stride);
        // Input places are first·stride + ahead − before, …, as far as there are any.
        let end = (length + self.before[d])
            .saturating_sub(ahead)
            .div_ceil(stride)
            .min(self.output[d + 1]);
        if first >= end {
            return (0..0, 0);
        }
        (first..end, first * stride + ahead - self.before[d])
    }

    /// Strides down and across.
    pub fn strides(&self) -> [usize; 2] {
        self.stride
    }

    /// Rows above and columns before an image that are padding.
    pub fn before(&self) -> [usize; 2] {
        self.before
    }

    /// Distances of the kernel's elements down and across.
    pub fn dilations(&self) -> [usize; 2] {
        self.dilation
    }

    /// The convolution of an output's gradient that gives the input's, with the kernel turned; `None`
    /// for strides beyond 1, or where that would need less than no padding.
    pub fn transposed(&self) -> Option<Self> {
        let mut before = [0; 2];
        for (d, before) in before.iter_mut().enumerate() {
            let reach = (self.kernel[d] - 1) * self.dilation[d];
            *before = reach.checked_sub(self.before[d])?;
        }
        (self.stride == [1, 1]).then(|| Self {
            input: self.output,
            output: self.input,
            before,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_sees_what_is_not_padding() {
        for (stride, before, dilation, length) in [
            (1, 1, 1, 5),
            (2, 1, 1, 7),
            (3, 2, 2, 8),
            (2, 0, 3, 9),
            (1, 4, 1, 3),
        ] {
            let c = Convolution {
                stride: [stride; 2],
                padding: [(before, before); 2],
                dilation: [dilation; 2],
                groups: 1,
            };
            let outputs = (length + 2 * before - 2 * dilation - 1) / stride + 1;
            let geometry = Geometry::new(&c, [1, length, length], [1, outputs, outputs], [3, 3]);
            for at in 0..3 {
                let places: Vec<(usize, usize)> = (0..outputs)
                    .filter_map(|o| {
                        let i = (o * stride + at * dilation).checked_sub(before)?;
                        (i < length).then_some((o, i))
                    })
                    .collect();
                let (range, first) = geometry.seen(1, at);
                let found: Vec<(usize, usize)> = range
                    .enumerate()
                    .map(|(n, o)| (o, first + n * stride))
                    .collect();
                assert_eq!(
                    found, places,
                    "stride {stride}, {before} before, element {at}"
                );
            }
        }
    }
}
