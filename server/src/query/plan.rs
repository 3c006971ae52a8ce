//! From the tree of a query to SQL, pure. `condition` says exactly which spans satisfy a condition, in the words of
//! `spans`; `narrow` says which pieces are worth a look, in the words of `pieces`, and never misses one. `value` is
//! what both know of fields and literals. Every value of a query is bound under a name of its own.

pub mod condition;
pub mod narrow;
pub mod value;

pub use condition::{Conditions, Needs};
pub use narrow::Narrow;

/// The values of a statement, bound as they are met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binds {
    prefix: &'static str,
    values: Vec<(String, String)>,
}

impl Binds {
    /// Names start with the prefix, so that two sets fit into one statement.
    pub fn new(prefix: &'static str) -> Binds {
        Binds { prefix, values: Vec::new() }
    }

    /// Binds a value and returns how the statement refers to it. The same value of a type is bound once.
    #[expect(clippy::needless_pass_by_value, reason = "callers read better without a reference")]
    pub fn bind(&mut self, type_name: &str, value: impl ToString) -> String {
        let value = value.to_string();
        let at = self.values.iter().position(|(_, known)| *known == value).unwrap_or_else(|| {
            self.values.push((format!("{}{}", self.prefix, self.values.len()), value));
            self.values.len() - 1
        });
        format!("{{{}:{type_name}}}", self.values[at].0)
    }

    pub fn text(&mut self, value: &str) -> String {
        self.bind("String", value)
    }

    pub fn values(&self) -> &[(String, String)] {
        &self.values
    }
}

#[cfg(test)]
mod tests;
