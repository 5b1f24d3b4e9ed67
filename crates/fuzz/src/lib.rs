//! Damaged inputs for the tests of readers.
//!
//! A [`Fuzz`] changes good inputs at random and gives each to a reader, which may refuse it but
//! must neither panic nor take more memory than it may. Case n is the same on every machine, so a
//! failure is repeated by its number: `BRINK_FUZZ_FIRST=<n> BRINK_FUZZ_CASES=1 cargo test …`.
//! `BRINK_FUZZ_CASES` without a first case raises the number of cases of every test.

mod meter;
mod mutate;
mod random;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

pub use meter::{Meter, peak};
pub use random::Random;

/// A reader's good inputs and how they are damaged.
#[derive(Debug)]
pub struct Fuzz<'a> {
    /// What a failure calls it.
    pub name: &'a str,
    /// Good inputs.
    pub seeds: &'a [Vec<u8>],
    /// Pieces that mean something to the reader, besides those that mean something to any.
    pub words: &'a [&'a str],
    /// How many cases without `BRINK_FUZZ_CASES`.
    pub cases: u64,
    /// The most bytes that one case may hold at a time; counted where [`Meter`] is the allocator.
    pub memory: usize,
}

impl Fuzz<'_> {
    /// Gives every case to `read`, and returns what it said of each kind how often: an answer is
    /// whether the input was taken.
    ///
    /// # Panics
    /// If `read` does, or takes too much memory; the case is printed first.
    pub fn run(&self, mut read: impl FnMut(&[u8]) -> bool) -> Tally {
        let first = number("BRINK_FUZZ_FIRST").unwrap_or(0);
        let cases = number("BRINK_FUZZ_CASES").unwrap_or(self.cases);
        let mut tally = Tally::default();
        for case in first..first.saturating_add(cases) {
            let input = self.input(case);
            let (answer, peak) = peak(|| catch_unwind(AssertUnwindSafe(|| read(&input))));
            let answer = answer.unwrap_or_else(|panic| {
                eprintln!("{} panics at {}", self.name, describe(case, &input));
                resume_unwind(panic)
            });
            assert!(
                peak <= self.memory,
                "{} holds {peak} bytes, more than {}, at {}",
                self.name,
                self.memory,
                describe(case, &input)
            );
            if answer {
                tally.taken += 1;
            } else {
                tally.refused += 1;
            }
        }
        println!("{}: {tally:?}", self.name);
        tally
    }

    /// The input of a case.
    pub fn input(&self, case: u64) -> Vec<u8> {
        let mut random = Random::new(case);
        let mut input = random.pick(self.seeds).clone();
        for _ in 0..=random.below(6) {
            mutate::once(&mut input, self.seeds, self.words, &mut random);
        }
        input
    }
}

/// How many cases a reader took and refused.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Read without an error.
    pub taken: u64,
    /// Answered with an error.
    pub refused: u64,
}

fn describe(case: u64, input: &[u8]) -> String {
    format!("case {case}: b\"{}\"", input.escape_ascii())
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a whole number"))
}

#[cfg(test)]
mod tests;
