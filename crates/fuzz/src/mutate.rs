//! One random change of an input.

use std::ops::Range;

use crate::Random;

/// Numbers at the edges of types, as text: of integers, of float32 and of float64.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "-1",
    "-0",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "0.5",
    "1e-3",
    "1e300",
    "-1e300",
    "1e308",
    "1e309",
    "1e-50",
    "1e-320",
    "5e-324",
    "1.7976931348623157e308",
    "NaN",
    "inf",
    "-inf",
    "",
];

/// Pieces with a meaning in some text format.
const WORDS: &[&str] = &[
    "\n", "\r\n", "\r", ",", "\"", "'", "\\", "\\u0000", "[", "]", "{", "}", ":", "=", ".", "#",
    " ", "\t", "\0", "\u{feff}", "é", "λ", "null", "true", "false", "\"\"", "[]", "{}", "[[", "]]",
    "\"\"\"", "-", "+", "e", "_",
];

/// Lengths and offsets at the edges of types.
const INTEGERS: &[u64] = &[
    0,
    1,
    7,
    8,
    255,
    65_535,
    0x7fff_ffff,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX - 8,
    u64::MAX,
];

/// Changes `input` in one of a dozen ways.
pub fn once(input: &mut Vec<u8>, seeds: &[Vec<u8>], words: &[&str], random: &mut Random) {
    let at = random.below(input.len() + 1);
    match random.below(13) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            let value = random.bits() as u8;
            if let Some(byte) = input.get_mut(at) {
                *byte = value;
            }
        }
        2 => overwrite(input, at, &random.pick(INTEGERS).to_le_bytes()),
        3 => input.truncate(at),
        4 => drop(input.drain(piece(input, random))),
        5 => {
            let copy = input[piece(input, random)].to_vec();
            insert(input, at, &copy);
        }
        6 => insert(input, at, random.pick(WORDS).as_bytes()),
        7 | 8 if !words.is_empty() => insert(input, at, random.pick(words).as_bytes()),
        7 | 8 => overwrite(input, at, random.pick(WORDS).as_bytes()),
        9 => {
            let other = random.pick(seeds);
            let from = &other[piece(other, random)];
            insert(input, at, from);
        }
        10 => {
            let place = piece(input, random);
            let other = random.pick(seeds);
            let from = other[piece(other, random)].to_vec();
            input.splice(place, from);
        }
        11 => {
            if let Some(place) = number(input, at) {
                input.splice(place, random.pick(NUMBERS).bytes());
            }
        }
        _ => swap_lines(input, random),
    }
}

/// The most bytes of a piece that is copied or removed, mostly.
const PIECE: usize = 64;

fn piece(input: &[u8], random: &mut Random) -> Range<usize> {
    let start = random.below(input.len() + 1);
    let rest = input.len() - start;
    // One piece in eight may be as long as the input.
    let most = if random.below(8) == 0 {
        rest
    } else {
        rest.min(PIECE)
    };
    start..start + random.below(most + 1)
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    input.splice(at..at, bytes.iter().copied());
}

fn overwrite(input: &mut [u8], at: usize, bytes: &[u8]) {
    for (old, new) in input.iter_mut().skip(at).zip(bytes) {
        *old = *new;
    }
}

/// The number as text that begins at or after `at`.
fn number(input: &[u8], at: usize) -> Option<Range<usize>> {
    let start = at + input[at..].iter().position(u8::is_ascii_digit)?;
    let part = |byte: &u8| byte.is_ascii_digit() || b".eE+-".contains(byte);
    let length = input[start..].iter().take_while(|byte| part(byte)).count();
    Some(start..start + length)
}

fn swap_lines(input: &mut Vec<u8>, random: &mut Random) {
    let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.is_empty() {
        return;
    }
    let (a, b) = (random.below(lines.len()), random.below(lines.len()));
    lines.swap(a, b);
    *input = lines.concat();
}
