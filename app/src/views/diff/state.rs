//! A comparison on the page: the data, and what its views share.

use std::sync::Arc;

use leptos::prelude::*;

use super::layout;
use super::markup::Compared;
use crate::chart::Window;
use crate::views::waterfall::rows::Folded;

#[derive(Clone, Copy)]
pub struct Comparison {
    compared: StoredValue<Arc<Compared>>,
    /// The entry looked at.
    pub entry: RwSignal<Option<u32>>,
    pub folded: RwSignal<Folded>,
    pub is_changes: RwSignal<bool>,
    pub is_flame: RwSignal<bool>,
    /// The part of the time that the bars show.
    pub window: RwSignal<Window>,
    pub rows: Memo<Arc<Vec<u32>>>,
}

impl Comparison {
    pub fn new(compared: Arc<Compared>) -> Comparison {
        let folded = RwSignal::new(Folded::none(compared.sizes.len()));
        let is_changes = RwSignal::new(false);
        let window = RwSignal::new(Window::whole(compared.total_ns));
        let of = Arc::clone(&compared);
        let rows = Memo::new_with_compare(
            move |_| Arc::new(layout::listed(&of.diff, &of.sizes, &folded.read(), is_changes.get())),
            |_, _| true,
        );
        Comparison {
            compared: StoredValue::new(compared),
            entry: RwSignal::new(None),
            folded,
            is_changes,
            is_flame: RwSignal::new(false),
            window,
            rows,
        }
    }

    pub fn compared(self) -> Arc<Compared> {
        self.compared.get_value()
    }

    pub fn set_window(self, window: Window) {
        let total_ns = self.compared.with_value(|compared| compared.total_ns);
        let window = window.within(total_ns);
        if self.window.get_untracked() != window {
            self.window.set(window);
        }
    }

    pub fn zoom_out(self) {
        self.set_window(Window::whole(self.compared.with_value(|compared| compared.total_ns)));
    }

    /// Below one it zooms in, around the entry looked at or else the middle.
    pub fn zoom(self, factor: f64) {
        let window = self.window.get_untracked();
        let is_shown = |ns: &f64| (window.from_ns..=window.to_ns).contains(ns);
        let middle = |(from, length): (u64, u64)| from as f64 + length as f64 / 2.0;
        let fixed = self.extent().map(middle).filter(is_shown);
        self.set_window(window.zoomed(fixed.unwrap_or(window.from_ns + window.length_ns() / 2.0), factor));
    }

    pub fn pan(self, share: f64) {
        self.set_window(self.window.get_untracked().panned(share));
    }

    pub fn zoom_to_entry(self) {
        if let Some((from, length)) = self.extent() {
            self.set_window(Window::around(from, length));
        }
    }

    /// Where both bars of the entry looked at begin, and how much time they take in.
    fn extent(self) -> Option<(u64, u64)> {
        let entry = self.entry.get_untracked()?;
        self.compared.with_value(|compared| layout::extent(compared.diff.entries.get(entry as usize)?))
    }

    /// Looks at an entry, wherever it is folded away.
    pub fn reveal(self, entry: u32) {
        let compared = self.compared();
        if entry as usize >= compared.sizes.len() {
            return;
        }
        let is_listed = || self.rows.with_untracked(|rows| rows.contains(&entry));
        if !is_listed() {
            self.folded.update(|folded| {
                layout::above(&compared.diff, entry).into_iter().for_each(|above| folded.set(above, false));
            });
        }
        if !is_listed() {
            self.is_changes.set(false);
        }
        self.entry.set(Some(entry));
    }

    /// Moves by rows on screen.
    pub fn step(self, by: isize) {
        let rows = self.rows.get_untracked();
        let Some(last) = rows.len().checked_sub(1) else {
            return;
        };
        let at = self.entry.get_untracked().and_then(|entry| rows.iter().position(|row| *row == entry));
        let next = at.map_or(0, |at| at.saturating_add_signed(by).min(last));
        self.entry.set(Some(rows[next]));
    }

    /// On through what makes the difference, the largest first.
    pub fn step_change(self, is_forward: bool) {
        let compared = self.compared();
        if let Some(entry) = layout::step(&compared.contributions, self.entry.get_untracked(), is_forward) {
            self.reveal(entry);
        }
    }

    pub fn toggle(self, entry: u32) {
        self.folded.update(|folded| folded.set(entry, !folded.is_folded(entry)));
    }

    /// Folds or unfolds the entry looked at; goes on from it when there is nothing to fold.
    pub fn fold(self, is_folded: bool) {
        let Some(entry) = self.entry.get_untracked() else {
            return self.step(0);
        };
        let compared = self.compared();
        let has_below = compared.sizes[entry as usize] > 0;
        let is_now = self.folded.with_untracked(|folded| folded.is_folded(entry));
        match (has_below && is_now != is_folded, is_folded) {
            (true, _) => self.toggle(entry),
            (false, false) => self.step(1),
            (false, true) => {
                if let Some(above) = layout::above(&compared.diff, entry).first() {
                    self.entry.set(Some(*above));
                }
            }
        }
    }
}
