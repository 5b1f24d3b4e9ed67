//! A map of coloured tiles behind curves.

use super::axes::Plot;
use super::model::HeatMap;
use super::page::{Area, Drawn, fill};
use super::style;

/// Draws the tiles, each to the pixel where the next begins.
pub fn draw_heat(page: &Area<'_>, plot: &Plot<'_>, heat: &HeatMap) -> Drawn {
    for tile in &heat.tiles {
        let from = plot.map_coordinate(&(tile.x.0, tile.y.1));
        let to = plot.map_coordinate(&(tile.x.1, tile.y.0));
        fill(page, from, to, style::shade(tile.shade))?;
    }
    Ok(())
}
