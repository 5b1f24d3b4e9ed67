//! Pieces are what Burn's own slices and concatenations give.

use burn::tensor::{DType, Device, DeviceKind, Tensor};

use super::{Piece, join, split};

fn device() -> Device {
    Device::wgpu(DeviceKind::DefaultDevice)
}

fn block(rows: usize, width: usize, shift: usize) -> Tensor<2> {
    let numbers: Vec<f32> = (0..rows * width).map(|i| (i + shift) as f32).collect();
    let row = Tensor::<1>::from_data(numbers.as_slice(), (&device(), DType::F32));
    row.reshape([rows, width])
}

fn host(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// More than one launch takes, of lengths that no alignment suits, with a gap and an overlap.
fn pieces() -> Vec<Piece> {
    let mut from = 0;
    let piece = |i: usize| {
        let length = 1 + (i * 7) % 23;
        let piece = Piece { from, length };
        from += if i == 4 { length + 3 } else { length };
        piece
    };
    let mut pieces: Vec<Piece> = (0..40).map(piece).collect();
    pieces.push(Piece {
        from: 5,
        length: 64,
    });
    pieces
}

#[test]
fn a_block_is_taken_apart() {
    let pieces = pieces();
    for rows in [1, 3] {
        let whole = block(rows, 700, 1);
        let found = split(&whole.clone().into_dispatch(), pieces.clone()).unwrap();
        assert_eq!(found.len(), pieces.len());
        for (piece, found) in pieces.iter().zip(found) {
            let found = Tensor::<2>::from_dispatch(found);
            assert_eq!(found.dims(), [rows, piece.length]);
            // Used by another operation, as a view that begins inside a buffer.
            let twice = host(found.clone() + found.clone());
            let expected = host(whole.clone().narrow(1, piece.from, piece.length));
            assert_eq!(host(found), expected, "{piece:?}");
            let expected: Vec<f32> = expected.iter().map(|x| 2.0 * x).collect();
            assert_eq!(twice, expected, "{piece:?}");
        }
    }
}

#[test]
fn parts_are_put_together() {
    for rows in [1, 3] {
        let parts: Vec<Tensor<2>> = (0..40)
            .map(|i| {
                let part = block(rows, 1 + (i * 7) % 23, 1000 * i);
                // One is not in memory in its order.
                if i == 7 {
                    part.flip([1]).swap_dims(0, 1).reshape([rows as i32, -1])
                } else {
                    part
                }
            })
            .collect();
        let given: Vec<_> = parts
            .iter()
            .map(|part| part.clone().into_dispatch())
            .collect();
        let joined = Tensor::<2>::from_dispatch(join(&given, 1).unwrap());
        assert_eq!(host(joined), host(Tensor::cat(parts, 1)));
    }
    let parts = [block(2, 6, 0), block(5, 6, 100)];
    let given = parts.clone().map(Tensor::into_dispatch);
    let joined = Tensor::<2>::from_dispatch(join(&given, 0).unwrap());
    assert_eq!(host(joined), host(Tensor::cat(parts.to_vec(), 0)));
}

#[test]
fn other_devices_keep_their_own_ways() {
    let whole = Tensor::<1>::zeros([4], &Device::flex()).into_dispatch();
    let pieces = vec![Piece { from: 0, length: 2 }, Piece { from: 2, length: 2 }];
    assert!(split(&whole, pieces).is_none());
    assert!(join(&[whole.clone(), whole], 0).is_none());
}
