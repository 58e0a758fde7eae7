//! Every shuffle of every story, beside the story in its order.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::{
    engine::Engine,
    story::{Story, arrival},
};

const STORIES: u64 = 200;
const SHUFFLES: u64 = 500;

#[test]
fn a_hundred_thousand_shuffles_give_byte_identical_results() {
    let engine = Engine::new();
    let next = AtomicU64::new(0);
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= STORIES {
                        return;
                    }
                    let mut bytes = [0; 32];
                    bytes[..8].copy_from_slice(&seed.to_le_bytes());
                    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
                    let story = Story::tell(&mut random);
                    let expected = engine.run(&story.in_order());
                    assert!(expected.len() > 1000, "a result of {} bytes proves little: {expected}", expected.len());
                    for shuffle in 0..SHUFFLES {
                        let arrival = arrival(&story, &mut random);
                        let found = engine.run(&arrival);
                        assert!(
                            found == expected,
                            "story {seed}, shuffle {shuffle}: {arrival:?}\nwanted {expected}\nfound  {found}"
                        );
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(done.into_inner(), STORIES * SHUFFLES);
}
