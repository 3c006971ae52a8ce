//! What the editor's completion knows about the data: fetched when it is first wanted, kept while the page lives.

use std::collections::HashSet;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::AttrValue;
use model::order::{falling, sort_by};
use model::query::complete::{Known, Wanted};
use model::query::fields::FieldName;
use model::query::print_field;
use model::view::AttributeValue;

/// Typing goes on for this long before anything is asked.
const PAUSE: Duration = Duration::from_millis(120);

#[derive(Clone, Copy)]
pub struct KnownStore {
    pub known: RwSignal<Known>,
    /// What was asked for already; a failed question may be asked again.
    asked: StoredValue<HashSet<String>>,
    turn: StoredValue<u32>,
}

impl KnownStore {
    pub fn new() -> KnownStore {
        KnownStore {
            known: RwSignal::new(Known::default()),
            asked: StoredValue::new(HashSet::new()),
            turn: StoredValue::new(0),
        }
    }

    pub fn fetch(self, wanted: Wanted) {
        match wanted {
            Wanted::Keys => self.fetch_keys(),
            Wanted::Values { field, prefix } => self.fetch_values_soon(field, prefix),
        }
    }

    fn is_new(self, question: &str) -> bool {
        let mut is_new = false;
        self.asked.update_value(|asked| is_new = asked.insert(question.to_owned()));
        is_new
    }

    fn forget(self, question: &str) {
        let _ = self.asked.try_update_value(|asked| asked.remove(question));
    }

    fn fetch_keys(self) {
        const QUESTION: &str = "keys";
        if !self.is_new(QUESTION) {
            return;
        }
        self.fetch_values(FieldName::service(), String::new());
        spawn_local(async move {
            match api::list_attribute_keys().await {
                Ok(keys) => drop(self.known.try_update(|known| known.keys = keys)),
                Err(_) => self.forget(QUESTION),
            }
        });
    }

    fn fetch_values_soon(self, field: FieldName, prefix: String) {
        self.turn.update_value(|turn| *turn += 1);
        let turn = self.turn.get_value();
        set_timeout(
            move || {
                if self.turn.try_get_value() == Some(turn) {
                    self.fetch_values(field, prefix);
                }
            },
            PAUSE,
        );
    }

    fn fetch_values(self, field: FieldName, prefix: String) {
        let name = print_field(&field);
        let question = format!("{name} {prefix}");
        if !self.is_new(&question) {
            return;
        }
        spawn_local(async move {
            match api::list_attribute_values(name.clone(), prefix).await {
                Ok(values) => drop(self.known.try_update(|known| learn(known, name, values))),
                Err(_) => self.forget(&question),
            }
        });
    }
}

/// Values found for one prefix are kept beside those found for another.
fn learn(known: &mut Known, name: String, values: Vec<AttributeValue>) {
    let at = known.values.iter().position(|(field, _)| *field == name);
    let Some(at) = at else {
        known.values.push((name, values));
        return;
    };
    let all = &mut known.values[at].1;
    let has = |all: &[AttributeValue], value: &AttrValue| all.iter().any(|known| known.value == *value);
    for value in values {
        if !has(all, &value.value) {
            all.push(value);
        }
    }
    sort_by(all, |value| (falling(value.count), 0));
}
