//! Convolutions and their transposes against loops in float64.

use super::direct::{self, Direct};
use super::geometry::Geometry;
use super::product::Operand;
use crate::graph::Convolution;

struct Case {
    images: usize,
    input: [usize; 3],
    filters: usize,
    kernel: [usize; 2],
    padding: [(usize, usize); 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    groups: usize,
}

impl Case {
    fn geometry(&self) -> Geometry {
        let c = Convolution {
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups: self.groups,
        };
        let length = |d: usize| {
            let (before, after) = self.padding[d];
            let padded = self.input[d + 1] + before + after;
            (padded - (self.kernel[d] - 1) * self.dilation[d] - 1) / self.stride[d] + 1
        };
        Geometry::new(
            &c,
            self.input,
            [self.filters, length(0), length(1)],
            self.kernel,
        )
    }

    /// Calls `f` with the places of input, weight and output of one group's image that meet.
    fn meet(&self, g: &Geometry, mut f: impl FnMut(usize, usize, usize)) {
        let channels = self.input[0] / self.groups;
        let [_, height, width] = self.input;
        let [_, high, wide] = g.output;
        for filter in 0..self.filters {
            let group = filter / g.filters();
            for channel in 0..channels {
                for (ky, kx) in places(self.kernel) {
                    for (y, x) in places([high, wide]) {
                        let at = |o: usize, k: usize, d: usize| {
                            (o * self.stride[d] + k * self.dilation[d])
                                .checked_sub(self.padding[d].0)
                        };
                        let (Some(iy), Some(ix)) = (at(y, ky, 0), at(x, kx, 1)) else {
                            continue;
                        };
                        if iy < height && ix < width {
                            let of = group * channels + channel;
                            let tap = ky * self.kernel[1] + kx;
                            let taps = self.kernel[0] * self.kernel[1];
                            f(
                                (of * height + iy) * width + ix,
                                (filter * channels + channel) * taps + tap,
                                (filter * high + y) * wide + x,
                            );
                        }
                    }
                }
            }
        }
    }
}

fn places([height, width]: [usize; 2]) -> impl Iterator<Item = (usize, usize)> {
    (0..height).flat_map(move |y| (0..width).map(move |x| (y, x)))
}

fn numbers(count: usize, seed: usize) -> Vec<f32> {
    let number = |at: usize| ((1.3 + seed as f64) * (1 + at) as f64).sin() as f32;
    (0..count).map(number).collect()
}

fn check(what: &str, found: &[f32], exact: &[f64]) {
    assert_eq!(found.len(), exact.len(), "{what}");
    let largest = exact.iter().fold(1.0_f64, |most, x| most.max(x.abs()));
    for (at, (found, exact)) in found.iter().zip(exact).enumerate() {
        let error = (f64::from(*found) - exact).abs();
        assert!(error < 2e-6 * largest, "{what}, {at}: {found} for {exact}");
    }
}

/// All of a block's vectors, of which some arguments have one for all.
fn compare(case: &Case, k: usize, [x_batched, weight_batched]: [bool; 2]) {
    let g = case.geometry();
    let direct = Direct::of(&g).unwrap();
    let images = case.images;
    let each = |batched: bool| if batched { k } else { 1 };
    let x = numbers(each(x_batched) * images * g.image(), 1);
    let weight = numbers(each(weight_batched) * g.weight(), 2);
    let grad = numbers(k * images * g.result(), 3);
    let operand = |values, batched| Operand { values, batched };
    let (x_operand, weight_operand) = (operand(&x, x_batched), operand(&weight, weight_batched));
    let grad_operand = operand(&grad, true);

    let mut outputs = vec![0.0; k * images * g.result()];
    let mut inputs = vec![0.0; k * images * g.image()];
    let mut weights = vec![0.0; k * g.weight()];
    for (index, image) in places([k, images]) {
        let x = &x[(if x_batched { index } else { 0 } * images + image) * g.image()..];
        let w = &weight[if weight_batched { index } else { 0 } * g.weight()..];
        let at = index * images + image;
        let grad = &grad[at * g.result()..];
        let output = &mut outputs[at * g.result()..];
        let input = &mut inputs[at * g.image()..];
        let own = &mut weights[index * g.weight()..];
        case.meet(&g, |i, t, o| {
            output[o] += f64::from(x[i]) * f64::from(w[t]);
            input[i] += f64::from(grad[o]) * f64::from(w[t]);
            own[t] += f64::from(grad[o]) * f64::from(x[i]);
        });
    }
    check(
        "outputs",
        &direct.convolve((k, images), x_operand, weight_operand),
        &outputs,
    );
    check(
        "weights",
        &direct.by_weight((k, images), x_operand, grad_operand),
        &weights,
    );
    if let Some(found) = direct::by_input(&g, (k, images), weight_operand, grad_operand) {
        check("inputs", &found, &inputs);
    } else {
        let too_much = |d: usize| g.before()[d] > (g.kernel[d] - 1) * g.dilations()[d];
        assert!(too_much(0) || too_much(1));
    }
}

#[test]
fn shifted_planes_give_what_loops_do() {
    let plain = Case {
        images: 3,
        input: [5, 9, 7],
        filters: 15,
        kernel: [3, 3],
        padding: [(1, 1); 2],
        stride: [1, 1],
        dilation: [1, 1],
        groups: 1,
    };
    let cases = [
        // Many vectors of places, and one place.
        Case {
            images: 2,
            input: [2, 20, 33],
            filters: 3,
            ..plain
        },
        Case {
            input: [3, 3, 3],
            padding: [(0, 0); 2],
            ..plain
        },
        Case {
            kernel: [1, 1],
            padding: [(0, 0); 2],
            filters: 8,
            ..plain
        },
        Case {
            kernel: [2, 5],
            padding: [(1, 0), (3, 1)],
            ..plain
        },
        Case {
            dilation: [2, 3],
            padding: [(2, 3), (4, 2)],
            ..plain
        },
        // More padding than the kernel reaches: its gradient by the input is another matter.
        Case {
            padding: [(4, 3), (3, 5)],
            ..plain
        },
        Case {
            input: [6, 8, 8],
            filters: 9,
            groups: 3,
            ..plain
        },
        Case {
            stride: [2, 2],
            ..plain
        },
        Case {
            input: [3, 8, 16],
            stride: [2, 2],
            padding: [(0, 1), (2, 0)],
            ..plain
        },
        Case {
            kernel: [1, 1],
            padding: [(0, 0); 2],
            stride: [2, 2],
            ..plain
        },
        Case {
            input: [4, 10, 9],
            filters: 6,
            kernel: [4, 2],
            stride: [2, 1],
            dilation: [1, 3],
            padding: [(2, 2), (1, 3)],
            groups: 2,
            ..plain
        },
        Case {
            kernel: [5, 3],
            stride: [1, 2],
            dilation: [1, 2],
            padding: [(2, 2), (3, 3)],
            ..plain
        },
        // More images than sums over them have parts.
        Case {
            images: 40,
            input: [1, 4, 4],
            filters: 1,
            ..plain
        },
        plain,
    ];
    for case in &cases {
        compare(case, 1, [false; 2]);
        for batched in [[true, false], [false, true], [true, true]] {
            compare(case, 3, batched);
        }
    }
}

/// Small whole numbers, whose sums are exact in any order.
#[test]
fn more_images_than_are_weighed_together_are_summed() {
    let case = Case {
        images: 300,
        input: [4, 4, 4],
        filters: 6,
        kernel: [3, 3],
        padding: [(1, 1); 2],
        stride: [1, 1],
        dilation: [1, 1],
        groups: 2,
    };
    let (g, images) = (case.geometry(), case.images);
    let whole = |count: usize| -> Vec<f32> {
        let values = (0..count).map(|at| ((at * 7919) % 31) as f32 - 15.0);
        values.collect()
    };
    for k in [1, 2] {
        let (x, grad) = (whole(images * g.image()), whole(k * images * g.result()));
        let mut expected = vec![0.0; k * g.weight()];
        for (index, image) in places([k, images]) {
            let x = &x[image * g.image()..];
            let grad = &grad[(index * images + image) * g.result()..];
            let own = &mut expected[index * g.weight()..];
            case.meet(&g, |i, t, o| own[t] += grad[o] * x[i]);
        }
        let operand = |values, batched| Operand { values, batched };
        let direct = Direct::of(&g).unwrap();
        let found = direct.by_weight((k, images), operand(&x, false), operand(&grad, true));
        assert_eq!(found, expected);
    }
}

#[test]
fn long_strides_and_many_channels_are_unfolded() {
    let c = Convolution {
        stride: [3, 1],
        padding: [(1, 1); 2],
        dilation: [1, 1],
        groups: 1,
    };
    let strided = Geometry::new(&c, [2, 8, 8], [2, 3, 8], [3, 3]);
    assert!(Direct::of(&strided).is_none());
    assert!(strided.transposed().is_none());
    let c = Convolution {
        stride: [1, 1],
        ..c
    };
    let wide = Geometry::new(&c, [512, 8, 8], [2, 8, 8], [3, 3]);
    assert!(Direct::of(&wide).is_none());
}
