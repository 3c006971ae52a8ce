//! Deploys, as they show in the versions that a service's spans tell: one begins to send that was silent for a while,
//! though the service was not.

use crate::Timestamp;
use crate::view::Deploy;

/// Spans of one version in one step of time, which begins then.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionSpans {
    pub version: String,
    pub time: Timestamp,
    pub spans: u64,
}

/// A version that was silent for so long before is deployed anew.
pub const SILENT_SECS: u64 = 1_800;

/// In order of time. What comes first of all is no deploy: it may have been there for ever.
pub fn deploys(mut seen: Vec<VersionSpans>) -> Vec<Deploy> {
    seen.retain(|step| step.spans > 0);
    seen.sort_by(|a, b| (a.time, &a.version).cmp(&(b.time, &b.version)));
    let mut found = Vec::new();
    for (at, step) in seen.iter().enumerate() {
        let earliest = Timestamp::from_secs(step.time.as_secs().saturating_sub(SILENT_SECS));
        let before = seen[..at].iter().rev().take_while(|other| other.time >= earliest);
        let before = before.filter(|other| other.time < step.time);
        let mut others = before.clone().filter(|other| other.version != step.version);
        let was_silent = !before.clone().any(|other| other.version == step.version);
        if let (true, Some(other)) = (was_silent, others.next()) {
            let (version, before) = (step.version.clone(), other.version.clone());
            found.push(Deploy { time: step.time, version, before });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `minute version` as they are seen; deploys as `minute before > version`.
    fn check(seen: &[(u64, &str)], expected: &[&str]) {
        let step = |(minute, version): &(u64, &str)| VersionSpans {
            version: (*version).to_owned(),
            time: Timestamp::from_secs(minute * 60),
            spans: 5,
        };
        let found: Vec<String> = deploys(seen.iter().map(step).collect())
            .iter()
            .map(|d| format!("{} {} > {}", d.time.as_secs() / 60, d.before, d.version))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_version_that_begins_is_a_deploy_and_so_is_one_that_comes_back() {
        check(&[(0, "1"), (1, "1"), (2, "1"), (2, "2"), (3, "2")], &["2 1 > 2"]);
        check(&[(0, "1"), (10, "2"), (11, "1"), (20, "2"), (45, "2"), (50, "1")], &["10 1 > 2", "50 2 > 1"]);
    }

    #[test]
    fn the_first_and_one_after_silence_are_none() {
        check(&[(0, "1"), (0, "2"), (1, "1")], &[]);
        check(&[(0, "1"), (100, "2")], &[]);
        check(&[], &[]);
    }
}
