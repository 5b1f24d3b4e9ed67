//! The valid name that a mistyped one was probably meant to be.

/// The name closest to `word` by edit distance, if it is close enough to be meant.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(word);
    let reach = (folded.chars().count() / 3).max(1) + 1;
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&folded, &fold(name)), name))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

// Case and the choice of separator are the commonest slips, so they cost nothing.
fn fold(name: &str) -> String {
    name.to_lowercase().replace(['_', '-', ' '], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let names = ["samples", "standardise", "targets", "relative_tolerance"];
        assert_eq!(nearest("sampels", names), Some("samples"));
        assert_eq!(nearest("standardize", names), Some("standardise"));
        assert_eq!(
            nearest("relative-tolerance", names),
            Some("relative_tolerance")
        );
        assert_eq!(nearest("momentum", names), None);
        assert_eq!(nearest("", names), None);
    }
}
