use std::io::Read;

use skrifa::MetadataProvider;

use super::*;
use crate::testing::MadeUp;

const SVG: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10" viewBox="0 0 200 100">
<rect x="0" y="0" width="200" height="100" fill="#FFFFFF"/>
<rect x="0" y="0" width="100" height="50" fill="#D55E00"/>
<polyline points="100,75 200,75" stroke="#0072B2" stroke-width="20" fill="none"/>
</svg>"##;

/// Undoes the file by the standard, as far as this crate's files go.
fn decoded(png: &[u8]) -> (usize, usize, Vec<u8>) {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
    let (width, height) = (number(16), number(20));
    let (mut at, mut packed) = (8, Vec::new());
    while at < png.len() {
        let length = number(at);
        let mut crc = flate2::Crc::new();
        crc.update(&png[at + 4..at + 8 + length]);
        assert_eq!(crc.sum() as usize, number(at + 8 + length));
        if &png[at + 4..at + 8] == b"IDAT" {
            packed.extend(&png[at + 8..at + 8 + length]);
        }
        at += 12 + length;
    }
    let mut bytes = Vec::new();
    flate2::read::ZlibDecoder::new(&packed[..])
        .read_to_end(&mut bytes)
        .unwrap();
    let mut pixels = vec![0_u8; width * height * 3];
    for y in 0..height {
        let row = &bytes[y * (1 + 3 * width)..][..1 + 3 * width];
        for x in 0..3 * width {
            let left = if x >= 3 {
                pixels[y * 3 * width + x - 3]
            } else {
                0
            };
            let above = if y > 0 {
                pixels[(y - 1) * 3 * width + x]
            } else {
                0
            };
            let from = match row[0] {
                1 => left,
                2 => above,
                other => panic!("filter {other}"),
            };
            pixels[y * 3 * width + x] = row[1 + x].wrapping_add(from);
        }
    }
    (width, height, pixels)
}

fn pixel((width, _, pixels): &(usize, usize, Vec<u8>), x: usize, y: usize) -> [u8; 3] {
    pixels[(y * width + x) * 3..][..3].try_into().unwrap()
}

#[test]
fn shapes_are_where_the_svg_has_them() {
    let picture = decoded(&from_svg(SVG, 2.0).unwrap());
    assert_eq!((picture.0, picture.1), (40, 20));
    assert_eq!(pixel(&picture, 5, 5), [0xD5, 0x5E, 0x00]);
    assert_eq!(pixel(&picture, 30, 5), [255, 255, 255]);
    assert_eq!(pixel(&picture, 30, 15), [0x00, 0x72, 0xB2]);
    assert_eq!(pixel(&picture, 30, 18), [255, 255, 255]);
}

#[test]
fn all_letters_of_figures_are_in_the_embedded_font() {
    let letters = "ληκθΛαβρ₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹⁻‖ᵀ|−×·≈≤≥∇Δ√";
    for data in [
        dejavu::sans_condensed::regular(),
        dejavu::sans_condensed::bold(),
    ] {
        let font = skrifa::FontRef::new(data).unwrap();
        for letter in letters.chars() {
            assert!(font.charmap().map(letter).is_some(), "{letter}");
        }
    }
}

#[test]
fn text_leaves_ink_without_fonts_of_the_machine() {
    let text = |says: &str| {
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><text x="2" y="15" font-family="Helvetica" font-size="14">{says}</text></svg>"#
        );
        let (_, _, pixels) = decoded(&from_svg(&svg, 2.0).unwrap());
        pixels.iter().filter(|channel| **channel < 128).count()
    };
    assert!(text("λ₁") > 50);
    assert_eq!(text(" "), 0);
}

#[test]
fn figures_need_no_font_of_the_machine() {
    let trace = MadeUp::default().trace();
    for svg in [
        crate::paper::four_phases(&trace).unwrap(),
        crate::paper::gauss_newton(&trace).unwrap(),
        crate::paper::gradient_flow(&trace).unwrap(),
        crate::paper::theory(&trace, &trace).unwrap(),
        crate::paper::sharpness_and_output_norm(&[trace]).unwrap(),
    ] {
        // The machine's fonts are read in only when a letter is missing.
        assert_eq!(parsed(&svg).unwrap().fontdb().len(), 2);
    }
}

#[test]
fn what_cannot_be_drawn_is_an_error() {
    assert!(matches!(from_svg("<svg", 2.0), Err(PngError::Svg(_))));
    for scale in [0.0, f32::NAN, 1e9, -1.0] {
        assert!(matches!(from_svg(SVG, scale), Err(PngError::Size { .. })));
    }
    let faded = SVG
        .replace("<polyline", "<g opacity=\"0.5\"><polyline")
        .replace("</svg>", "</g></svg>");
    assert!(matches!(
        from_svg(&faded, 2.0),
        Err(PngError::Unsupported { .. })
    ));
}
