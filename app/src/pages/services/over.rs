//! What lies over the charts of a service: deploys as lines, and calls that stand for others as dots that open their
//! traces. Placed in shares of the plot, so that it stays right at any size.
//!
//! For tests: `[data-testid=deploy]`, `[data-testid=exemplar]`.

use leptos::prelude::*;
use model::view::{Deploy, Exemplar, ServiceReport};

use crate::browser::clock::offset_minutes;
use crate::format::clock::{self, Zone};
use crate::format::duration;
use crate::url::TraceView;
use crate::views::heatmap::layout::{AXIS_PX, FOOT_PX, Grid, HEAD_PX};

/// A place within the plot, whose margins are those of the heatmap.
fn left(share: f64) -> String {
    format!("calc({AXIS_PX}px + {share:.4} * (100% - {}px))", AXIS_PX + 1.0)
}

fn top(share: f64) -> String {
    format!("calc({HEAD_PX}px + {share:.4} * (100% - {}px))", HEAD_PX + FOOT_PX)
}

pub fn words(deploy: &Deploy, zone: Zone) -> String {
    let at = clock::time_millis(deploy.time, offset_minutes(zone, deploy.time));
    format!("{} deployed at {}, {} before", deploy.version, &at[..5], deploy.before)
}

/// Over the heatmap of durations.
pub fn on_heatmap(report: &ServiceReport, exemplars: &[Exemplar], zone: Zone) -> impl IntoView + use<> {
    let grid = Grid::new(&report.durations, 1_000.0, 1_000.0);
    let line = |deploy: &Deploy| {
        let left = left(grid.time_share(deploy.time)?);
        let (text, version) = (words(deploy, zone), deploy.version.clone());
        Some(
            view! { <span class="Deploy" style:left=left title=text data-testid="deploy"><b>{version}</b></span> },
        )
    };
    let dot = |exemplar: &Exemplar| {
        let (x, y) = grid.shares(exemplar.start, exemplar.duration)?;
        let failed = if exemplar.failed { ", failed" } else { "" };
        let text = format!("A trace of {}{failed}", duration(exemplar.duration));
        let href = TraceView::default().url(exemplar.trace);
        Some(view! {
            <a class="Exemplar" class:is-failed=exemplar.failed href=href title=text.clone() aria-label=text
                style:left=left(x) style:top=top(y) data-testid="exemplar"></a>
        })
    };
    let lines = report.deploys.iter().filter_map(line).collect_view();
    let dots = exemplars.iter().filter_map(dot).collect_view();
    view! { {lines} {dots} }
}

/// Over the trend of calls, which has no margins.
pub fn on_trend(report: &ServiceReport, zone: Zone) -> impl IntoView + use<> {
    let grid = Grid::new(&report.durations, 1_000.0, 1_000.0);
    let line = |deploy: &Deploy| {
        let left = format!("{:.2}%", grid.time_share(deploy.time)? * 100.0);
        Some(view! { <span class="Deploy" style:left=left title=words(deploy, zone)></span> })
    };
    report.deploys.iter().filter_map(line).collect_view()
}
