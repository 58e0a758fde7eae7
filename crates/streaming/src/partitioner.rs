//! Which partition a key belongs to: murmur2 over the key's bytes, positive part, modulo the number of
//! partitions, as the default partitioner of Apache Kafka's Java client does it
//! (`org.apache.kafka.common.utils.Utils.murmur2`). We compute it ourselves so that a key lies in the
//! same partition on every log and other producers can agree.

/// The partition of a key, for a topic with `partitions` partitions. A record without a key lies in
/// partition 0: our topics have keys, and source topics are written by others.
pub fn partition_for(key: Option<&[u8]>, partitions: i32) -> i32 {
    let positive = key.map_or(0, |key| murmur2(key) & 0x7fff_ffff);
    let partitions = u32::try_from(partitions.max(1)).unwrap_or(1);
    i32::try_from(positive % partitions).unwrap_or(0)
}

fn murmur2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut hash = 0x9747_b28c ^ length;
    let (words, tail) = bytes.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (index, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn the_hash_is_that_of_the_java_client() {
        for (text, hash) in [
            ("21", -973_932_308_i32),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()), u32::from_ne_bytes(hash.to_ne_bytes()), "{text}");
        }
    }

    #[test]
    fn every_key_has_a_partition() {
        assert_eq!(partition_for(None, 6), 0);
        assert!((0..6).contains(&partition_for(Some(b"web-01"), 6)));
        assert_eq!(partition_for(Some(b"web-01"), 0), 0);
    }
}
