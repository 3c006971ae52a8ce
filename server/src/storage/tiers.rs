//! Where older spans and log lines go: volumes beside the engine's own disk, and when parts move there.
//!
//! The embedded engine is told its volumes by us. One that was named once stays known, because parts may lie there:
//! without its flag nothing more moves to it, and what is there is read until it expires. Another ClickHouse has its
//! volumes from its operator; we are told the policy's name and use its volumes `warm` and `cold`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::limits::{COLD_AFTER_DAYS, WARM_AFTER_DAYS};

/// The embedded engine's policy. Its first volume has the name that lets a table change to it from the default one.
pub const POLICY: &str = "skein_tiers";
const REMEMBERED: &str = "tiers.json";

#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Tiers {
    /// A folder on larger disks for spans and log lines that are older (embedded engine)
    #[arg(long = "warm-dir", env = "SKEIN_WARM_DIR", value_name = "FOLDER")]
    pub warm_dir: Option<String>,
    /// The same for those that are older still; or a bucket, https://…, with the usual AWS_… variables for its keys
    #[arg(long = "cold-dir", env = "SKEIN_COLD_DIR", value_name = "FOLDER_OR_URL")]
    pub cold_dir: Option<String>,
    /// Days after their arrival when spans and log lines move to the warm volume
    #[arg(long = "warm-after-days", env = "SKEIN_WARM_AFTER_DAYS", default_value_t = WARM_AFTER_DAYS, value_name = "DAYS")]
    pub warm_after_days: u32,
    /// Days after their arrival when they move to the cold volume
    #[arg(long = "cold-after-days", env = "SKEIN_COLD_AFTER_DAYS", default_value_t = COLD_AFTER_DAYS, value_name = "DAYS")]
    pub cold_after_days: u32,
    /// With --clickhouse-url: the storage policy there whose volumes `warm` and `cold` are to be used
    #[arg(long = "storage-policy", env = "SKEIN_STORAGE_POLICY", value_name = "NAME")]
    pub policy: Option<String>,
}

/// The embedded engine's further volumes: absolute folders, or a bucket's URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places {
    pub warm: Option<String>,
    pub cold: Option<String>,
}

impl Tiers {
    /// What can be known to be wrong before anything starts.
    pub fn check(&self, is_embedded: bool, spans_days: u32) -> Result<(), String> {
        let dirs = [("--warm-dir", &self.warm_dir), ("--cold-dir", &self.cold_dir)];
        let named = dirs.iter().find(|(_, dir)| dir.is_some());
        if let (false, Some((flag, _))) = (is_embedded, named) {
            return Err(format!(
                "{flag} is for the embedded engine; with --clickhouse-url define a storage policy with the volumes \
                 default, warm and cold there, and name it with --storage-policy"
            ));
        }
        if let (true, Some(policy)) = (is_embedded, &self.policy) {
            return Err(format!(
                "--storage-policy {policy} is for a ClickHouse named with --clickhouse-url; name folders with \
                 --warm-dir and --cold-dir"
            ));
        }
        if let Some(policy) =
            self.policy.as_deref().filter(|name| !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        {
            return Err(format!("--storage-policy {policy}: a policy's name has letters, digits and _"));
        }
        let asked = |dir: &Option<String>| dir.is_some() || self.policy.is_some();
        let (warm, cold) = (asked(&self.warm_dir), asked(&self.cold_dir));
        let (warm_days, cold_days) = (self.warm_after_days, self.cold_after_days);
        if warm && cold && warm_days >= cold_days {
            return Err(format!("--warm-after-days {warm_days} is not before --cold-after-days {cold_days}"));
        }
        let days = [("--warm-after-days", warm, warm_days), ("--cold-after-days", cold, cold_days)];
        match days.into_iter().find(|(_, asked, days)| *asked && !(1..spans_days).contains(days)) {
            Some((flag, _, days)) => Err(format!(
                "{flag} {days} is not between 1 and --keep-spans-days {spans_days}: nothing would ever move"
            )),
            None => Ok(()),
        }
    }

    /// The volumes of the embedded engine, with those it has had before.
    pub fn places(&self, data_dir: &Path) -> Result<Places, String> {
        let before = remembered(data_dir)?;
        let place = |flag: &str, named: &Option<String>, before: Option<String>| {
            let Some(named) = named else { return Ok(before) };
            let named = absolute(flag, named)?;
            match before.filter(|before| *before != named) {
                Some(before) => Err(format!(
                    "{flag} {named}: parts may lie in {before}, which it was until now; move them yourself and change \
                     {}, or leave the flag as it was",
                    data_dir.join("engine").join(REMEMBERED).display()
                )),
                None => Ok(Some(named)),
            }
        };
        let places = Places {
            warm: place("--warm-dir", &self.warm_dir, before.warm)?,
            cold: place("--cold-dir", &self.cold_dir, before.cold)?,
        };
        if places.warm.is_some() && places.warm == places.cold {
            return Err("--warm-dir and --cold-dir are the same".to_owned());
        }
        Ok(places)
    }

    /// When parts move where, of the volumes there are.
    pub fn moves(&self, volumes: &[String]) -> Vec<(&'static str, u32)> {
        let has = |name: &str| volumes.iter().any(|volume| volume == name);
        [("warm", self.warm_after_days), ("cold", self.cold_after_days)]
            .into_iter()
            .filter(|(name, _)| has(name))
            .collect()
    }

    /// The embedded engine's volumes that parts are to move to.
    pub fn named(&self) -> Vec<String> {
        let all = [("warm", &self.warm_dir), ("cold", &self.cold_dir)];
        all.into_iter().filter(|(_, dir)| dir.is_some()).map(|(name, _)| name.to_owned()).collect()
    }
}

impl Places {
    pub fn is_empty(&self) -> bool {
        *self == Places::default()
    }

    /// So that they are known when their flags are not given.
    pub fn remember(&self, engine_folder: &Path) -> std::io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        std::fs::write(engine_folder.join(REMEMBERED), serde_json::json!(self).to_string())
    }

    /// The engine's configuration of them.
    pub fn xml(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let all = [("warm", &self.warm), ("cold", &self.cold)];
        let named = || all.iter().filter_map(|(name, place)| Some((*name, place.as_ref()?)));
        let disks: String = named()
            .map(|(name, place)| {
                let place = super::embedded::xml_escaped(place);
                if is_url(&place) {
                    let credentials = "<use_environment_credentials>1</use_environment_credentials>";
                    format!("<{name}><type>s3</type><endpoint>{place}</endpoint>{credentials}</{name}>")
                } else {
                    format!("<{name}><type>local</type><path>{place}</path></{name}>")
                }
            })
            .collect();
        let volumes: String =
            named().map(|(name, _)| format!("<{name}><disk>{name}</disk></{name}>")).collect();
        format!(
            "  <storage_configuration>
    <disks>{disks}</disks>
    <policies><{POLICY}><volumes><default><disk>default</disk></default>{volumes}</volumes></{POLICY}></policies>
  </storage_configuration>
"
        )
    }
}

fn remembered(data_dir: &Path) -> Result<Places, String> {
    let path = data_dir.join("engine").join(REMEMBERED);
    match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Places::default()),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

fn is_url(place: &str) -> bool {
    place.starts_with("http://") || place.starts_with("https://")
}

/// A folder that is there, or a URL; both end in a slash, as the engine wants them.
fn absolute(flag: &str, named: &str) -> Result<String, String> {
    if is_url(named) {
        return Ok(format!("{}/", named.trim_end_matches('/')));
    }
    let folder = PathBuf::from(named);
    let made = std::fs::create_dir_all(&folder).and_then(|()| folder.canonicalize());
    let folder = made.map_err(|error| format!("{flag} {named}: {error}"))?;
    Ok(format!("{}/", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiers(warm: Option<&str>, cold: Option<&str>) -> Tiers {
        Tiers {
            warm_dir: warm.map(str::to_owned),
            cold_dir: cold.map(str::to_owned),
            warm_after_days: 7,
            cold_after_days: 21,
            policy: None,
        }
    }

    #[test]
    fn whose_volumes_they_are_is_said() {
        let refused = |tiers: Tiers, is_embedded| tiers.check(is_embedded, 30).unwrap_err();
        assert!(refused(tiers(Some("/w"), None), false).contains("--storage-policy"));
        let policy = Tiers { policy: Some("mine".to_owned()), ..tiers(None, None) };
        assert!(refused(policy.clone(), true).contains("--warm-dir"));
        assert_eq!(policy.check(false, 30), Ok(()));
        assert_eq!(policy.moves(&["default".to_owned(), "cold".to_owned()]), [("cold", 21)]);
    }

    #[test]
    fn days_that_move_nothing_are_refused() {
        assert_eq!(tiers(None, None).check(true, 3), Ok(()), "nothing is to move");
        let refused = tiers(None, Some("/c")).check(true, 21).unwrap_err();
        assert!(refused.contains("--cold-after-days 21"), "{refused}");
        let turned = Tiers { warm_after_days: 21, ..tiers(Some("/w"), Some("/c")) };
        assert!(turned.check(true, 30).unwrap_err().contains("not before"));
    }

    #[test]
    fn a_volume_stays_known_and_does_not_wander() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("engine");
        std::fs::create_dir_all(&folder).unwrap();
        let warm = data.path().join("warm").display().to_string();
        let places = tiers(Some(&warm), None).places(data.path()).unwrap();
        assert!(places.xml().contains("<warm><type>local</type><path>"), "{}", places.xml());
        places.remember(&folder).unwrap();
        assert_eq!(tiers(None, None).places(data.path()), Ok(places), "without its flag");
        let other = data.path().join("other").display().to_string();
        assert!(tiers(Some(&other), None).places(data.path()).unwrap_err().contains("parts may lie in"));
    }

    #[test]
    fn a_bucket_is_a_disk_of_its_own_kind() {
        let data = tempfile::tempdir().unwrap();
        let places =
            tiers(None, Some("https://b.s3.eu-west-1.amazonaws.com/skein")).places(data.path()).unwrap();
        assert!(places.xml().contains("<endpoint>https://b.s3.eu-west-1.amazonaws.com/skein/</endpoint>"));
        assert_eq!(Places::default().xml(), "");
    }
}
