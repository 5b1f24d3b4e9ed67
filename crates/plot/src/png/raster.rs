//! Shapes to pixels.

use tiny_skia::{Color, FillRule, Paint, Pixmap, Transform};
use usvg::{Group, Node, PaintOrder, Path, Tree};

use super::{MOST, PngError};

/// Draws a tree on white, `scale` pixels a point.
pub fn draw(tree: &Tree, scale: f32) -> Result<Pixmap, PngError> {
    let size = tree.size();
    let side = |points: f32| {
        let pixels = (points * scale).ceil();
        (1.0..=MOST as f32)
            .contains(&pixels)
            .then_some(pixels as u32)
    };
    let pixmap = side(size.width())
        .zip(side(size.height()))
        .and_then(|(width, height)| Pixmap::new(width, height));
    let Some(mut pixmap) = pixmap else {
        return Err(PngError::Size {
            width: size.width(),
            height: size.height(),
            scale,
        });
    };
    pixmap.fill(Color::WHITE);
    group(
        &mut pixmap,
        tree.root(),
        Transform::from_scale(scale, scale),
    )?;
    Ok(pixmap)
}

fn group(pixmap: &mut Pixmap, group: &Group, at: Transform) -> Result<(), PngError> {
    if group.should_isolate() {
        return Err(PngError::Unsupported {
            what: "a group with opacity, clip, mask or filter",
        });
    }
    for node in group.children() {
        match node {
            Node::Group(inner) => self::group(pixmap, inner, at)?,
            Node::Path(path) => draw_path(pixmap, path, at)?,
            Node::Text(text) => self::group(pixmap, text.flattened(), at)?,
            Node::Image(_) => {
                return Err(PngError::Unsupported { what: "an image" });
            }
        }
    }
    Ok(())
}

fn draw_path(pixmap: &mut Pixmap, path: &Path, at: Transform) -> Result<(), PngError> {
    if !path.is_visible() {
        return Ok(());
    }
    let at = at.pre_concat(path.abs_transform());
    match path.paint_order() {
        PaintOrder::FillAndStroke => {
            fill(pixmap, path, at)?;
            stroke(pixmap, path, at)
        }
        PaintOrder::StrokeAndFill => {
            stroke(pixmap, path, at)?;
            fill(pixmap, path, at)
        }
    }
}

fn fill(pixmap: &mut Pixmap, path: &Path, at: Transform) -> Result<(), PngError> {
    let Some(fill) = path.fill() else {
        return Ok(());
    };
    let paint = paint(path, fill.paint(), fill.opacity())?;
    let rule = match fill.rule() {
        usvg::FillRule::NonZero => FillRule::Winding,
        usvg::FillRule::EvenOdd => FillRule::EvenOdd,
    };
    pixmap.fill_path(path.data(), &paint, rule, at, None);
    Ok(())
}

fn stroke(pixmap: &mut Pixmap, path: &Path, at: Transform) -> Result<(), PngError> {
    let Some(stroke) = path.stroke() else {
        return Ok(());
    };
    let paint = paint(path, stroke.paint(), stroke.opacity())?;
    pixmap.stroke_path(path.data(), &paint, &stroke.to_tiny_skia(), at, None);
    Ok(())
}

fn paint(
    path: &Path,
    paint: &usvg::Paint,
    opacity: usvg::Opacity,
) -> Result<Paint<'static>, PngError> {
    let usvg::Paint::Color(color) = paint else {
        return Err(PngError::Unsupported {
            what: "a gradient or pattern",
        });
    };
    let mut plain = Paint {
        anti_alias: path.rendering_mode().use_shape_antialiasing(),
        ..Paint::default()
    };
    plain.set_color_rgba8(color.red, color.green, color.blue, opacity.to_u8());
    Ok(plain)
}
