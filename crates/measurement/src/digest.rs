//! Digests: SHA-256, in bytes and in hexadecimal digits.

use sha2::{Digest as _, Sha256};

/// The first bytes of a digest; at most 32.
pub fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let digest = Sha256::digest(bytes);
    std::array::from_fn(|place| digest.get(place).copied().unwrap_or_default())
}

/// A whole digest: 64 digits.
pub fn whole(bytes: &[u8]) -> String {
    hex(&first::<32>(bytes))
}

/// The first 16 digits of a digest: enough to name a definition or a record.
pub fn short(bytes: &[u8]) -> String {
    hex(&first::<8>(bytes))
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_plain_sha256() {
        assert_eq!(whole(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(short(b""), "e3b0c44298fc1c14");
        assert_eq!(first::<4>(b""), [0xe3, 0xb0, 0xc4, 0x42]);
        assert_eq!(hex(&[0, 9, 0xaf]), "0009af");
    }
}
