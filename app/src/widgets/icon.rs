//! Icons as strokes on a 16 by 16 grid, in the colour of the text around them.

use leptos::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Alert,
    Check,
    ChevronDown,
    ChevronUp,
    Close,
    Copy,
    Fold,
    Folder,
    Half,
    Help,
    Link,
    Minus,
    Moon,
    Refresh,
    Search,
    Sidebar,
    Star,
    Sun,
    System,
    Unfold,
    ZoomOut,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Icon::Alert => "M8 2 14.5 13.5H1.5ZM8 6.5V9.5M8 11.4V11.8",
            Icon::Check => "M3 8.5 6.5 12 13 4.5",
            Icon::ChevronDown => "M4 6 8 10 12 6",
            Icon::ChevronUp => "M4 10 8 6 12 10",
            Icon::Close => "M4 4 12 12M12 4 4 12",
            Icon::Copy => "M5.5 5.5V2.5H13.5V10.5H10.5M2.5 5.5H10.5V13.5H2.5Z",
            Icon::Fold => "M4 2.5 8 6 12 2.5M4 13.5 8 10 12 13.5",
            Icon::Folder => "M2 12.5V3.5H6L7.5 5.5H14V12.5Z",
            Icon::Half => {
                "M8 2A6 6 0 1 0 8 14M10.5 2.6A6 6 0 0 1 13.4 5.5M14 8.6A6 6 0 0 1 12.6 11.8M10.6 13.3 10.2 13.5"
            }
            Icon::Help => "M5.5 6A2.5 2.5 0 1 1 8 8.5V10M8 12.4V12.8",
            Icon::Link => "M6.5 9.5 9.5 6.5M7 5 9 3A2.8 2.8 0 0 1 13 7L11 9M9 11 7 13A2.8 2.8 0 0 1 3 9L5 7",
            Icon::Minus => "M3.5 8H12.5",
            Icon::Moon => "M13 9.5A5.5 5.5 0 1 1 6.5 3 4.5 4.5 0 0 0 13 9.5Z",
            Icon::Refresh => "M13.5 3V6.5H10M13 6.5A5.5 5.5 0 1 0 13.4 9.2",
            Icon::Search => "M7 2.5A4.5 4.5 0 1 1 7 11.5 4.5 4.5 0 0 1 7 2.5ZM10.3 10.3 13.8 13.8",
            Icon::Sidebar => "M2 3H14V13H2ZM6 3V13",
            Icon::Star => "M8 2 9.8 6 14 6.4 10.8 9.2 11.8 13.4 8 11.2 4.2 13.4 5.2 9.2 2 6.4 6.2 6Z",
            Icon::Sun => {
                "M8 5A3 3 0 1 1 8 11 3 3 0 0 1 8 5ZM8 1V2.5M8 13.5V15M1 8H2.5M13.5 8H15M3 3 4 4M12 12 13 13M13 3 12 4M4 12 3 13"
            }
            Icon::System => "M2 3H14V11H2ZM5.5 14H10.5M8 11V14",
            Icon::Unfold => "M4 6 8 2.5 12 6M4 10 8 13.5 12 10",
            Icon::ZoomOut => "M2.5 5.5V2.5H5.5M10.5 2.5H13.5V5.5M13.5 10.5V13.5H10.5M5.5 13.5H2.5V10.5",
        }
    }

    pub fn show(self) -> impl IntoView {
        view! {
            <svg class="Icon" viewBox="0 0 16 16" aria-hidden="true">
                <path d=self.path() />
            </svg>
        }
    }
}

/// The product's mark: a loop of yarn, three strands.
pub fn mark() -> impl IntoView {
    view! {
        <svg class="Mark" viewBox="0 0 20 20" aria-hidden="true">
            <path class="Mark-a" d="M2.5 13.5C5 4.5 9 4.5 10.5 10S15.5 15.5 17.5 6.5" />
            <path class="Mark-b" d="M2.5 10C5 2 9 3.5 10.5 9.5S15.5 18 17.5 10" />
            <path class="Mark-c" d="M2.5 6.5C5 -.5 9 1.5 10.5 9S15.5 19.5 17.5 13.5" />
        </svg>
    }
}
