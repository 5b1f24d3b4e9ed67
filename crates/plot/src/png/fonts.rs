//! The fonts of a picture: DejaVu, whatever the machine has.

use std::sync::{Arc, LazyLock};

use usvg::FontResolver;
use usvg::fontdb::{Database, Family, ID, Query, Stretch, Weight};

/// The embedded family. Condensed, it is about as wide as the Helvetica that readers of the SVG
/// see, so both are laid out alike; it has Greek, indices and the signs of algebra.
pub const FAMILY: &str = "DejaVu Sans Condensed";

const SEMIBOLD: u16 = 600;

static EMBEDDED: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(dejavu::sans_condensed::regular().to_vec());
    fonts.load_font_data(dejavu::sans_condensed::bold().to_vec());
    Arc::new(fonts)
});

/// The embedded fonts alone.
pub fn embedded() -> Arc<Database> {
    EMBEDDED.clone()
}

/// Sets all text in the embedded family; the machine's fonts serve for letters that it lacks.
pub fn resolver() -> FontResolver<'static> {
    let fallback = FontResolver::default_fallback_selector();
    FontResolver {
        select_font: Box::new(|font, fonts| {
            let bold = font.weight() >= SEMIBOLD;
            find(fonts, if bold { Weight::BOLD } else { Weight::NORMAL })
        }),
        select_fallback: Box::new(move |letter, tried, fonts| {
            if fonts.len() <= EMBEDDED.len() {
                Arc::make_mut(fonts).load_system_fonts();
            }
            fallback(letter, tried, fonts)
        }),
    }
}

fn find(fonts: &Database, weight: Weight) -> Option<ID> {
    let query = |stretch| Query {
        families: &[Family::Name(FAMILY), Family::Name("DejaVu Sans")],
        weight,
        stretch,
        ..Query::default()
    };
    fonts
        .query(&query(Stretch::Condensed))
        .or_else(|| fonts.query(&query(Stretch::Normal)))
}
