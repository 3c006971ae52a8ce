//! A service's colour: the same in every list, chart and session, because only its name decides.

/// How many service colours the tokens define, `--service-0` and on.
pub const SERVICE_COLORS: usize = 20;

/// The number of a service's colour token (FNV-1a, finished so that short names spread).
pub fn service_color(name: &str) -> usize {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> 40) as usize % SERVICE_COLORS
}

/// The token as CSS takes it.
pub fn service_color_css(name: &str) -> String {
    format!("var(--service-{})", service_color(name))
}

#[cfg(test)]
mod tests {
    //! Stable, in range, and spread.
    use super::*;

    #[test]
    fn names_keep_their_colour() {
        assert_eq!(service_color("cart"), service_color("cart"));
        assert!(service_color("") < SERVICE_COLORS);
    }

    #[test]
    fn forty_names_use_most_colours() {
        let mut used = [false; SERVICE_COLORS];
        (0..40).for_each(|i| used[service_color(&format!("service-{i}"))] = true);
        assert!(used.iter().filter(|u| **u).count() >= 14);
    }
}
