//! All metrics as numbers at one time, read from the very text that `/metrics` shows: what a page says of Skein and what
//! an operator's monitoring says cannot differ.

use std::collections::HashMap;

/// Metrics by name, each with its labels as they are written.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    by_name: HashMap<String, Vec<(String, f64)>>,
}

impl Figures {
    pub fn read(text: &str) -> Figures {
        let mut figures = Figures::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse() else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            figures.by_name.entry(name.to_owned()).or_default().push((labels.to_owned(), value));
        }
        figures
    }

    /// The sum over all labels; None if there is no such metric here.
    pub fn sum(&self, name: &str) -> Option<f64> {
        Some(self.by_name.get(name)?.iter().map(|(_, value)| value).sum())
    }

    /// The sum over the series with this label.
    pub fn sum_of(&self, name: &str, label: &str, value: &str) -> f64 {
        let wanted = format!("{label}=\"{value}\"");
        self.series(name).filter(|(labels, _)| labels.contains(&wanted)).map(|(_, value)| value).sum()
    }

    /// The values of a label, with the series' values.
    pub fn by<'a>(&'a self, name: &str, label: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.series(name).filter_map(move |(labels, value)| Some((label_of(labels, label)?, value)))
    }

    /// How many passed each bucket of a histogram, by its upper bound.
    pub fn buckets(&self, name: &str, label: &str, value: &str) -> Vec<(f64, f64)> {
        let wanted = format!("{label}=\"{value}\"");
        let bound = |labels: &str| match label_of(labels, "le")? {
            "+Inf" => Some(f64::INFINITY),
            text => text.parse().ok(),
        };
        let of_it = self.series(name).filter(|(labels, _)| labels.contains(&wanted));
        let mut buckets: Vec<(f64, f64)> =
            of_it.filter_map(|(labels, count)| Some((bound(labels)?, count))).collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        buckets
    }

    fn series(&self, name: &str) -> impl Iterator<Item = (&str, f64)> {
        self.by_name.get(name).into_iter().flatten().map(|(labels, value)| (labels.as_str(), *value))
    }
}

fn label_of<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let start = labels.find(&format!("{name}=\""))? + name.len() + 2;
    labels[start..].split('"').next()
}

/// The value below which the share `q` of what came between two states of a histogram lies, in its unit.
pub fn quantile(before: &[(f64, f64)], now: &[(f64, f64)], q: f64) -> Option<f64> {
    let count_before = |bound: f64| before.iter().find(|b| b.0 == bound).map_or(0.0, |b| b.1);
    let passed: Vec<(f64, f64)> =
        now.iter().map(|(bound, count)| (*bound, count - count_before(*bound))).collect();
    let total = passed.last()?.1;
    if total <= 0.0 {
        return None;
    }
    let mut low = (0.0, 0.0);
    for (bound, count) in passed {
        if count >= total * q {
            let share = (total * q - low.1) / (count - low.1).max(1.0);
            // Beyond the last bound nothing is known.
            return Some(if bound.is_finite() { low.0 + share * (bound - low.0) } else { low.0 });
        }
        low = (bound, count);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP x y\nsent_total{door=\"a\",kind=\"b\"} 3\nsent_total{door=\"c\",kind=\"b\"} 4\nfill 0.5\n\
        s_bucket{le=\"1.0\",stage=\"x\"} 2\ns_bucket{le=\"+Inf\",stage=\"x\"} 5\ns_bucket{le=\"2.0\",stage=\"x\"} 4\n# EOF\n";

    #[test]
    fn numbers_are_read_as_they_are_told() {
        let figures = Figures::read(TEXT);
        assert_eq!(
            (figures.sum("sent_total"), figures.sum("fill"), figures.sum("x")),
            (Some(7.0), Some(0.5), None)
        );
        assert_eq!(figures.sum_of("sent_total", "door", "c"), 4.0);
        assert_eq!(figures.by("sent_total", "door").collect::<Vec<_>>(), [("a", 3.0), ("c", 4.0)]);
        let buckets = figures.buckets("s_bucket", "stage", "x");
        assert_eq!(buckets, [(1.0, 2.0), (2.0, 4.0), (f64::INFINITY, 5.0)]);
        assert_eq!(quantile(&[], &buckets, 0.6), Some(1.5));
        assert_eq!(quantile(&[], &buckets, 1.0), Some(2.0), "no further than is known");
        assert_eq!(quantile(&[(1.0, 2.0)], &buckets, 0.4), Some(1.5));
        assert_eq!(quantile(&buckets, &buckets, 0.5), None);
    }
}
