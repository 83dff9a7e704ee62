//! Times, sizes and counts in words.

/// `910 ms`, `4.1 s`, `2 min 5 s`.
pub(in crate::report) fn time(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// `812 B`, `4.1 kB`, `3.2 MB`; powers of 1000.
pub(in crate::report) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 100_000_000),
    }
}

/// `1 error`, `2 errors`.
pub(in crate::report) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_people_say_them() {
        assert_eq!(
            [time(0), time(999), time(4_120), time(125_900)],
            ["0 ms", "999 ms", "4.1 s", "2 min 5 s"]
        );
        assert_eq!(
            [size(0), size(4_120), size(3_250_000), size(5_000_000_000)],
            ["0 B", "4.1 kB", "3.2 MB", "5.0 GB"]
        );
        assert_eq!([count(0, "error"), count(1, "error")], ["0 errors", "1 error"]);
    }
}
