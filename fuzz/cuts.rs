//! Ways to cut bytes into chunks. They follow from the bytes alone, so that any file can be an input as it is.

#![forbid(unsafe_code)]

/// Cuts `bytes` in several ways: byte by byte, in two at a place that the content picks, and in small pieces of changing size.
pub fn of(bytes: &[u8]) -> [Vec<&[u8]>; 3] {
    // FNV-1a, then xorshift: enough to spread the cuts.
    let mut state = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
        | 1;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % (limit as u64 + 1)).unwrap_or(0)
    };
    let (left, right) = bytes.split_at(below(bytes.len()));
    let (mut rest, mut pieces) = (bytes, Vec::new());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(below(16).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    [bytes.chunks(1).collect(), vec![left, right], pieces]
}
