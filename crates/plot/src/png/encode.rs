//! Pixels to a PNG file (ISO/IEC 15948): 8 bits of red, green and blue, rows filtered by the
//! difference to the left pixel or the row above.

use std::io::{self, Write};

use flate2::{Compression, Crc, write::ZlibEncoder};
use tiny_skia::Pixmap;

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n'];
const CHANNELS: usize = 3;

/// Packs opaque pixels; `per_meter` is how many go to a metre of print.
pub fn png(pixmap: &Pixmap, per_meter: u32) -> io::Result<Vec<u8>> {
    let mut file = SIGNATURE.to_vec();
    let mut header = Vec::new();
    header.extend(pixmap.width().to_be_bytes());
    header.extend(pixmap.height().to_be_bytes());
    // 8 bits a channel, true colour, deflate, adaptive filters, not interlaced.
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut file, *b"IHDR", &header);
    let mut density = Vec::new();
    density.extend(per_meter.to_be_bytes());
    density.extend(per_meter.to_be_bytes());
    density.push(1);
    chunk(&mut file, *b"pHYs", &density);
    chunk(&mut file, *b"IDAT", &packed(pixmap)?);
    chunk(&mut file, *b"IEND", &[]);
    Ok(file)
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    // A picture of the largest size allowed packs to less than 4 GiB.
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    file.extend(length.to_be_bytes());
    file.extend(kind);
    file.extend(content);
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(content);
    file.extend(crc.sum().to_be_bytes());
}

fn packed(pixmap: &Pixmap) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let width = pixmap.width() as usize;
    let mut above = vec![0; width * CHANNELS];
    let mut row = Vec::with_capacity(width * CHANNELS);
    for pixels in pixmap.pixels().chunks(width) {
        row.clear();
        row.extend(
            pixels
                .iter()
                .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]),
        );
        let (kind, filtered) = filtered(&row, &above);
        encoder.write_all(&[kind])?;
        encoder.write_all(&filtered)?;
        above.clone_from(&row);
    }
    encoder.finish()
}

/// The filter, of left and above, whose differences are smaller, with these.
fn filtered(row: &[u8], above: &[u8]) -> (u8, Vec<u8>) {
    let left = std::iter::repeat_n(&0, CHANNELS).chain(row);
    let difference = |(a, b): (&u8, &u8)| a.wrapping_sub(*b);
    let sub: Vec<u8> = row.iter().zip(left).map(difference).collect();
    let up: Vec<u8> = row.iter().zip(above).map(difference).collect();
    let size = |bytes: &[u8]| -> u64 {
        let signed = bytes
            .iter()
            .map(|byte| u64::from((*byte).min(byte.wrapping_neg())));
        signed.sum()
    };
    if size(&sub) < size(&up) {
        (1, sub)
    } else {
        (2, up)
    }
}
