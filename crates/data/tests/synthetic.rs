//! The stand-in: the same everywhere, and like CIFAR-10 in what gradient descent feels.
//!
//! The figures named "CIFAR-10" below were measured on its first 4,000 training records.

use brink_data::{
    ChannelSums, Class, DataConfig, FEATURES, PIXELS_PER_CHANNEL, Records, SIDE, Samples, Source,
    Subset, SyntheticImages, Targets, load,
};

fn config(samples: usize, seed: u64) -> DataConfig {
    DataConfig {
        source: Source::Synthetic,
        samples: Samples::count(samples).unwrap(),
        seed,
        ..DataConfig::default()
    }
}

fn subset(samples: usize, seed: u64) -> Subset {
    load(&config(samples, seed), None).unwrap().train
}

fn records(samples: u64, seed: u64) -> Records {
    let images = SyntheticImages::new(seed);
    let mut records = Records::new();
    for index in 0..samples {
        let (class, image) = images.image(index);
        records.push(class, &image);
    }
    records
}

fn assert_near(what: &str, value: f64, expected: f64, tolerance: f64) {
    let off = (value - expected).abs();
    assert!(
        off <= tolerance,
        "{what}: {value} is not {expected} ± {tolerance}"
    );
}

#[test]
fn a_seed_gives_the_same_bytes_everywhere() {
    let twenty = records(20, 7);
    assert_eq!(
        twenty.sha256(),
        "02580dd112b0aa3da623cb91f471c3f58e9e90f96ec1e8d5e6513681b0fbb7ab"
    );
    assert_ne!(records(20, 8).labels(), twenty.labels());
}

#[test]
fn an_image_does_not_depend_on_the_others() {
    let all = records(200, 3);
    assert_eq!(subset(20, 3).records(), Some(&records(20, 3)));
    let chosen = DataConfig {
        classes: Some(vec![Class::ALL[4].into(), Class::ALL[8].into()]),
        targets: Targets::Binary,
        ..config(10, 3)
    };
    let dataset = load(&chosen, None).unwrap();
    let expected: Vec<(u8, &[u8])> = all
        .iter()
        .filter(|(label, _)| [4, 8].contains(label))
        .collect();
    let found: Vec<(u8, &[u8])> = dataset.train.records().unwrap().iter().collect();
    assert_eq!(found, expected[..10]);

    let test = dataset.test.unwrap();
    assert!(test.labels().iter().all(|label| [4, 8].contains(label)));
    assert_eq!(dataset.provenance.test.unwrap().samples, test.samples());
    assert!(test.records() != dataset.train.records());
}

#[test]
fn all_classes_occur_about_equally_often() {
    let counts = subset(2000, 0).records().unwrap().counts();
    assert!(
        counts.iter().all(|count| (140..=260).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn channels_are_like_those_of_cifar() {
    let records = records(2000, 0);
    let mut sums = ChannelSums::default();
    sums.add(&records);
    for channel in 0..3 {
        let (mean, std) = ([0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]);
        assert_near("mean", sums.mean()[channel], mean[channel], 0.03);
        assert_near("std", sums.std()[channel], std[channel], 0.02);
    }
    // CIFAR-10: 0.908, 0.783, 0.908.
    assert_near("red with green", correlation(&records, 0, 1), 0.90, 0.04);
    assert_near("red with blue", correlation(&records, 0, 2), 0.78, 0.06);
    assert_near("green with blue", correlation(&records, 1, 2), 0.90, 0.04);
}

fn correlation(records: &Records, first: usize, second: usize) -> f64 {
    let plane = |channel: usize| -> Vec<f64> {
        let range = channel * PIXELS_PER_CHANNEL..(channel + 1) * PIXELS_PER_CHANNEL;
        let bytes = records
            .iter()
            .flat_map(|(_, image)| image[range.clone()].to_vec());
        bytes.map(f64::from).collect()
    };
    let centre = |mut values: Vec<f64>| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter_mut().for_each(|value| *value -= mean);
        values
    };
    let (a, b) = (centre(plane(first)), centre(plane(second)));
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// The power of differences at a lag grows like lag^(α−2) for a power spectrum 1/f^α: a check in
/// pixels of what was made in frequencies. CIFAR-10: 1.32 and 0.62.
#[test]
fn neighbouring_pixels_resemble_each_other_as_in_photographs() {
    let records = records(500, 0);
    let structure = |lag: usize| -> f64 {
        let mut sum = 0.0;
        for (_, image) in records.iter() {
            for row in image[..PIXELS_PER_CHANNEL].chunks_exact(SIDE) {
                let pairs = row.iter().zip(&row[lag..]);
                sum += pairs
                    .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
                    .sum::<f64>()
                    / (SIDE - lag) as f64;
            }
        }
        sum
    };
    let growth = |lag: usize| (structure(2 * lag) / structure(lag)).log2();
    assert_near("growth from 1 to 2", growth(1), 1.32, 0.15);
    assert_near("growth from 4 to 8", growth(4), 0.62, 0.15);
}

/// Largest eigenvalues of the centred Gram matrix over its trace, by power iteration.
#[test]
fn a_few_directions_hold_most_of_the_variance() {
    let subset = subset(400, 0);
    let samples = subset.samples();
    let mut rows: Vec<Vec<f64>> = subset
        .inputs_f64()
        .chunks_exact(FEATURES)
        .map(<[f64]>::to_vec)
        .collect();
    let mean: Vec<f64> = (0..FEATURES)
        .map(|j| rows.iter().map(|row| row[j]).sum::<f64>() / samples as f64)
        .collect();
    for row in &mut rows {
        row.iter_mut()
            .zip(&mean)
            .for_each(|(value, mean)| *value -= mean);
    }
    let trace: f64 = rows.iter().map(|row| dot(row, row)).sum();
    let mut shares = Vec::new();
    for _ in 0..3 {
        let mut direction = vec![1.0; FEATURES];
        direction[0] = 2.0;
        for _ in 0..60 {
            let mut next = vec![0.0; FEATURES];
            for row in &rows {
                let along = dot(row, &direction);
                next.iter_mut()
                    .zip(row)
                    .for_each(|(value, x)| *value += along * x);
            }
            let norm = dot(&next, &next).sqrt();
            direction = next.into_iter().map(|value| value / norm).collect();
        }
        let mut share = 0.0;
        for row in &mut rows {
            let along = dot(row, &direction);
            share += along * along / trace;
            row.iter_mut()
                .zip(&direction)
                .for_each(|(value, x)| *value -= along * x);
        }
        shares.push(share);
    }
    // CIFAR-10: 0.286, 0.114, 0.067.
    assert_near("first", shares[0], 0.286, 0.05);
    assert_near("second", shares[1], 0.114, 0.03);
    assert_near("third", shares[2], 0.067, 0.025);
}

/// Share of the variance that lies between the class means, without what chance puts there.
#[test]
fn classes_differ_as_weakly_as_in_cifar() {
    for seed in 0..3 {
        let records = records(3000, seed);
        let (between, total) = scatter(&records);
        // CIFAR-10: 0.074.
        assert_near("between classes", between / total, 0.074, 0.04);
    }
}

fn scatter(records: &Records) -> (f64, f64) {
    let samples = records.len() as f64;
    let counts = records.counts();
    let mut sums = vec![vec![0.0; FEATURES]; Class::COUNT];
    let mut squares = 0.0;
    for (label, image) in records.iter() {
        for (sum, pixel) in sums[usize::from(label)].iter_mut().zip(image) {
            *sum += f64::from(*pixel);
            squares += f64::from(*pixel).powi(2);
        }
    }
    let grand: f64 = (0..FEATURES)
        .map(|j| (sums.iter().map(|sum| sum[j]).sum::<f64>() / samples).powi(2))
        .sum();
    let (mut between, mut chance) = (-grand, 0.0);
    let total = squares / samples - grand;
    for (sum, count) in sums.iter().zip(counts) {
        between += dot(sum, sum) / count as f64 / samples;
        chance += total / samples;
    }
    (between - chance, total)
}
