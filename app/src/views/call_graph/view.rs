//! The component: boxes as buttons over one canvas of arrows.

use leptos::prelude::*;

use super::layout::{BOX_HEIGHT_PX, BOX_WIDTH_PX, Edge, Graph, Node, graph};
use crate::chart::canvas::{Canvas, Surface};
use crate::chart::color::service_color_css;
use crate::format::{count, counted, duration};
use crate::views::stage::{Stage, Staged};

const FONT: &str = "11px system-ui, -apple-system, \"Segoe UI\", Roboto, \"Liberation Sans\", sans-serif";

#[component]
pub fn CallGraph(stage: Stage) -> impl IntoView {
    let staged = stage.staged();
    let graph = graph(&staged.trace, &staged.tree);
    let size = format!("width:{}px;height:{}px", graph.width_px, graph.height_px);
    let boxes = graph.nodes.iter().map(|node| one_box(stage, &staged, node)).collect_view();
    let more = (graph.left_out > 0).then(|| {
        let text = format!(
            "and {} with less time of their own",
            counted(graph.left_out as u64, "operation", "operations")
        );
        view! { <p class="Calls-more">{text}</p> }
    });
    view! {
        <div class="Calls" data-testid="call-graph" role="region" aria-label="Operations and their calls" tabindex="0">
            <div class="Calls-sheet" style=size>
                <Canvas class="Calls-arrows" track=|| () draw=move |surface| arrows(surface, &graph) />
                {boxes}
            </div>
            {more}
        </div>
    }
}

fn one_box(stage: Stage, staged: &Staged, node: &Node) -> impl IntoView + use<> {
    let trace = &staged.trace;
    let (first, key) = (node.first, (node.service, node.operation));
    let is_on = move || {
        stage.span_row().is_some_and(|row| {
            let staged = stage.staged();
            (staged.trace.service[row as usize], staged.trace.operation[row as usize]) == key
        })
    };
    let operation = trace.text(node.operation).to_owned();
    let service = trace.text(node.service).to_owned();
    let mut facts =
        format!("×{} · self {}", count(node.spans.into()), duration(model::Nanos(node.self_time)));
    if node.errors > 0 {
        facts += &format!(" · ⚠ {}", count(node.errors.into()));
    }
    if node.own_calls > 0 {
        facts += &format!(" · ↻ {}", count(node.own_calls.into()));
    }
    let is_error = node.errors > 0;
    let title = format!("{operation}\n{service}\n{facts}");
    let place = format!("left:{}px;top:{}px;width:{BOX_WIDTH_PX}px;height:{BOX_HEIGHT_PX}px", node.x, node.y);
    view! {
        <button
            type="button"
            class="Calls-box"
            class:is-error=is_error
            class:is-on=is_on
            data-testid="call-node"
            style=place
            title=title
            on:click=move |_| stage.open(first)
        >
            <span class="Calls-name"><i class="Service-dot" style:background=service_color_css(&service)></i>{operation}</span>
            <span class="Calls-facts">{facts}</span>
        </button>
    }
}

fn arrows(surface: &Surface, graph: &Graph) {
    surface.context.set_font(FONT);
    surface.context.set_text_baseline("middle");
    for edge in &graph.edges {
        arrow(surface, graph, edge);
    }
}

/// From the right side of the caller to the left of the callee; back, when that stands further left.
fn arrow(surface: &Surface, graph: &Graph, edge: &Edge) {
    let (from, to) = (&graph.nodes[edge.from], &graph.nodes[edge.to]);
    let color = if edge.errors > 0 { &surface.palette.error } else { &surface.palette.text_soft };
    let (x1, y1) = (from.x + BOX_WIDTH_PX, from.y + BOX_HEIGHT_PX / 2.0);
    let (x2, y2) = (to.x - 1.0, to.y + BOX_HEIGHT_PX / 2.0);
    let bend = ((x2 - x1).abs() / 2.0).max(40.0);
    let context = &surface.context;
    context.set_stroke_style_str(color);
    context.set_line_width(1.0 + f64::from(edge.calls).log10().min(4.0));
    context.begin_path();
    context.move_to(x1, y1);
    context.bezier_curve_to(x1 + bend, y1, x2 - bend - 6.0, y2, x2 - 6.0, y2);
    context.stroke();
    surface.fill(color);
    context.begin_path();
    context.move_to(x2, y2);
    context.line_to(x2 - 7.0, y2 - 4.0);
    context.line_to(x2 - 7.0, y2 + 4.0);
    context.fill();
    if edge.calls > 1 {
        let text = format!("×{}", count(edge.calls.into()));
        let width = surface.text_width(&text);
        let (x, y) = (x2 - 14.0 - width, y2 - 9.0);
        surface.fill(&surface.palette.surface);
        surface.rect(x - 2.0, y - 7.0, width + 4.0, 13.0);
        surface.fill(&surface.palette.text);
        surface.text(&text, x, y);
    }
}
