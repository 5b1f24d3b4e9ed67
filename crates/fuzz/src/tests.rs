use super::*;

#[global_allocator]
static METER: Meter = Meter;

fn fuzz(seeds: &[Vec<u8>]) -> Fuzz<'_> {
    Fuzz {
        name: "a test",
        seeds,
        words: &["word"],
        cases: 2000,
        memory: 1 << 16,
    }
}

#[test]
fn a_case_is_the_same_every_time_and_unlike_the_next() {
    let seeds = [b"step,loss\n0,1.5\n1,1.25\n".to_vec(), b"x = 1\n".to_vec()];
    let fuzz = fuzz(&seeds);
    let mut inputs: Vec<Vec<u8>> = (0..2000).map(|case| fuzz.input(case)).collect();
    assert_eq!(inputs[17], fuzz.input(17));
    let has = |part: &str| {
        let found = |input: &Vec<u8>| input.windows(part.len()).any(|w| w == part.as_bytes());
        inputs.iter().any(found)
    };
    assert!(has("word") && has("1e300") && has("\u{feff}"));
    inputs.sort_unstable();
    inputs.dedup();
    assert!(inputs.len() > 1500, "{}", inputs.len());
}

#[test]
fn every_case_is_read_once() {
    let seeds = [b"1234".to_vec()];
    let mut read = 0;
    let tally = fuzz(&seeds).run(|input| {
        read += 1;
        input.starts_with(b"1")
    });
    assert_eq!(read, 2000);
    assert_eq!(tally.taken + tally.refused, 2000);
    assert!(tally.taken > 0 && tally.refused > 0);
}

#[test]
#[should_panic(expected = "found")]
fn a_panic_is_passed_on() {
    let seeds = [b"1234".to_vec()];
    fuzz(&seeds).run(|input| {
        assert_ne!(input.len(), 3, "found");
        true
    });
}

#[test]
#[should_panic(expected = "holds 100000 bytes, more than 65536")]
fn too_much_memory_is_a_failure() {
    let seeds = [b"1234".to_vec()];
    fuzz(&seeds).run(|_| Vec::<u8>::with_capacity(100_000).is_empty());
}

#[test]
fn memory_is_counted_at_its_peak() {
    let (length, peak) = peak(|| {
        drop(vec![1_u8; 5000]);
        vec![1_u8; 3000].len()
    });
    assert_eq!((length, peak), (3000, 5000));
}
