//! A service's colour: the same in every list, chart and session, because only its name decides.

/// How many service colours the tokens define, `--service-0` and on.
pub const SERVICE_COLORS: usize = 20;

/// Any seed is as good as another for names unknown; this one gives the services of the demo shop a colour each.
/// Changing it changes every colour people have learned.
const SEED: u64 = 350_190;

/// The number of a service's colour token (FNV-1a, finished so that short names spread).
pub fn service_color(name: &str) -> usize {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ SEED;
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

/// Whether dark text reads better on a colour than white, as the browser computed it: `oklch(lightness …)`.
pub fn is_bright(color: &str) -> bool {
    const AS_FAR_FROM_BOTH: f64 = 0.57;
    let lightness = color.trim_start_matches("oklch(").split([' ', ',', ')']).next();
    lightness.and_then(|l| l.parse::<f64>().ok()).is_none_or(|l| l > AS_FAR_FROM_BOTH)
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
    fn the_demo_shop_has_no_two_services_alike() {
        const SHOP: [&str; 17] = [
            "auth",
            "cart",
            "catalog",
            "checkout",
            "edge-gateway",
            "fraud",
            "fulfilment",
            "inventory",
            "mail-worker",
            "notifications",
            "payments",
            "pricing",
            "recommendations",
            "reviews",
            "search",
            "shipping",
            "web-frontend",
        ];
        let used: std::collections::HashSet<usize> = SHOP.iter().map(|name| service_color(name)).collect();
        assert_eq!(used.len(), SHOP.len());
    }

    #[test]
    fn dark_colours_take_white_text() {
        assert!(is_bright("oklch(0.72 0.14 75)"));
        assert!(!is_bright("oklch(0.42 0.12 280)"));
    }

    #[test]
    fn forty_names_use_most_colours() {
        let mut used = [false; SERVICE_COLORS];
        (0..40).for_each(|i| used[service_color(&format!("service-{i}"))] = true);
        assert!(used.iter().filter(|u| **u).count() >= 14);
    }
}
