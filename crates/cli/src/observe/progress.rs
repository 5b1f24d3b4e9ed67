//! What a person sees while a run goes on.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use brink_dynamics::observer::{Observer, ObserverError, RunSummary};
use brink_dynamics::record::{RunHeader, StepRecord};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::tell::tell_to;

/// A bar on a terminal, plain lines elsewhere, or nothing. It only tells, so it never fails.
pub enum Progress {
    /// Says nothing.
    Quiet,
    /// A bar that redraws itself.
    Bar(ProgressBar, String),
    /// A line now and then.
    Lines(Box<Lines<std::io::Stderr>>),
}

impl Progress {
    /// What suits standard error.
    pub fn on_stderr(quiet: bool) -> Self {
        if quiet {
            Self::Quiet
        } else if std::io::stderr().is_terminal() {
            Self::Bar(ProgressBar::no_length(), String::new())
        } else {
            Self::Lines(Box::new(Lines::new(std::io::stderr())))
        }
    }
}

impl Observer for Progress {
    fn name(&self) -> &'static str {
        "progress"
    }

    fn start(&mut self, header: &RunHeader) -> Result<(), ObserverError> {
        match self {
            Self::Quiet => {}
            Self::Bar(bar, formula) => {
                formula.clone_from(&header.threshold_formula);
                bar.set_length(header.steps);
                bar.set_position(header.next_step);
                bar.reset_eta();
                let template = "{bar:30} {pos}/{len}  {rate}  {msg}  {eta} left";
                // A template that does not parse leaves indicatif's own style.
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style.with_key("rate", rate));
                }
                bar.enable_steady_tick(Duration::from_millis(500));
            }
            Self::Lines(lines) => lines.start(header),
        }
        Ok(())
    }

    fn step(&mut self, record: &StepRecord) -> Result<(), ObserverError> {
        match self {
            Self::Quiet => {}
            Self::Bar(bar, formula) => {
                bar.set_position(record.step + 1);
                bar.set_message(status(record, formula));
            }
            Self::Lines(lines) => lines.step(record, Instant::now()),
        }
        Ok(())
    }

    fn finish(&mut self, summary: &RunSummary) -> Result<(), ObserverError> {
        match self {
            Self::Quiet => {}
            // What comes next on the terminal says how the run ended.
            Self::Bar(bar, _) => bar.finish_and_clear(),
            Self::Lines(lines) => lines.finish(summary),
        }
        Ok(())
    }
}

/// Steps a second; indicatif's own key prints every digit.
fn rate(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    // A writer of its own that refuses leaves the bar without the rate.
    let _ = write!(out, "{:.1} steps/s", state.per_sec());
}

/// Loss, and the eigenvalue that decides on stability against the rule's threshold, `formula`, where
/// it was measured; else the sharpness alone.
fn status(record: &StepRecord, formula: &str) -> String {
    let loss = format!("loss {:.4e}", record.loss);
    let name = match record.threshold {
        Some(_) => "λ₁",
        None => "preconditioned λ₁",
    };
    match (record.edge(), record.sharpness()) {
        (Some((value, edge)), _) => format!("{loss}  {name} {value:.2} of {formula} {edge:.2}"),
        (None, Some(sharpness)) => format!("{loss}  λ₁ {sharpness:.2}"),
        (None, None) => loss,
    }
}

/// Progress for a log: a line every ten seconds or ten per cent.
#[derive(Debug)]
pub struct Lines<W> {
    out: W,
    steps: u64,
    /// The first step that this process takes.
    from: u64,
    formula: String,
    started: Instant,
    last: Option<(Instant, u64)>,
    pending: Option<StepRecord>,
}

impl<W: Write> Lines<W> {
    const EVERY: Duration = Duration::from_secs(10);

    /// Lines to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            steps: 0,
            from: 0,
            formula: String::new(),
            started: Instant::now(),
            last: None,
            pending: None,
        }
    }

    fn start(&mut self, header: &RunHeader) {
        self.steps = header.steps;
        self.from = header.next_step;
        self.formula.clone_from(&header.threshold_formula);
        self.started = Instant::now();
    }

    fn step(&mut self, record: &StepRecord, now: Instant) {
        let tenth = record.step.saturating_mul(10) / self.steps.max(1);
        let due = self
            .last
            .is_none_or(|(at, last_tenth)| now - at >= Self::EVERY || tenth > last_tenth);
        if due {
            self.pending = None;
            self.last = Some((now, tenth));
            self.line(record, now);
        } else {
            self.pending = Some(record.clone());
        }
    }

    fn finish(&mut self, _summary: &RunSummary) {
        if let Some(record) = self.pending.take() {
            self.line(&record, Instant::now());
        }
    }

    fn line(&mut self, record: &StepRecord, now: Instant) {
        let seconds = (now - self.started).as_secs_f64();
        let mut line = format!(
            "step {}/{}  {}",
            record.step,
            self.steps,
            status(record, &self.formula)
        );
        let taken = record.step.saturating_sub(self.from);
        if taken > 0 && seconds > 0.0 {
            let rate = taken as f64 / seconds;
            let left = self.steps.saturating_sub(record.step) as f64 / rate;
            line.push_str(&format!("  {rate:.1} steps/s  {left:.0} s left"));
        }
        tell_to(&mut self.out, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brink_traces::testing::{eigenvalue, header, record};

    #[test]
    fn lines_come_by_tenths_and_by_time() {
        let mut lines = Lines::new(Vec::new());
        lines.start(&header());
        let start = lines.started;
        for step in 0..=20 {
            lines.step(&record(step), start + Duration::from_millis(100 * step));
        }
        // Step 25 is within the same tenth, but ten seconds later.
        lines.step(&record(25), start + Duration::from_secs(13));
        let text = String::from_utf8(lines.out).unwrap();
        let steps: Vec<&str> = text
            .lines()
            .map(|line| line.split_whitespace().nth(1).unwrap())
            .collect();
        assert_eq!(steps, ["0/100", "10/100", "20/100", "25/100"]);
        assert!(
            text.contains("step 20/100  loss 1.0000e0  10.0 steps/s  8 s left"),
            "{text}"
        );
    }

    #[test]
    fn the_status_sets_the_sharpness_against_the_threshold() {
        let mut record = record(1);
        record.eigenvalues = vec![eigenvalue(1, 203.456)];
        assert_eq!(
            status(&record, "2/η"),
            "loss 1.0000e0  λ₁ 203.46 of 2/η 200.00"
        );
        record.threshold = None;
        assert_eq!(status(&record, "2/η"), "loss 1.0000e0  λ₁ 203.46");
        record.preconditioned = vec![eigenvalue(1, 39.5)];
        record.preconditioned_threshold = Some(40.0);
        assert_eq!(
            status(&record, "2/η"),
            "loss 1.0000e0  preconditioned λ₁ 39.50 of 2/η 40.00"
        );
    }
}
