//! The map on a canvas. Only what is in view is drawn.

use model::trace::call::NodeKind;
use model::view::{EdgeChange, MapEdge, MapFigures, ServiceMap};

use super::layout::{BOX_HEIGHT, BOX_WIDTH, Camera, Shown, Thing, corner, curve, middle};
use crate::chart::canvas::Surface;
use crate::chart::color::service_color;
use crate::format::{duration, share};

const FONT: &str = "12px system-ui, -apple-system, \"Segoe UI\", Roboto, \"Liberation Sans\", sans-serif";
const SMALL: &str = "11px system-ui, -apple-system, \"Segoe UI\", Roboto, \"Liberation Sans\", sans-serif";
/// Below this, names could not be read.
const WORDS_FROM_SCALE: f64 = 0.45;
/// As many failures show as a colour and a mark.
const FAILING: f64 = 0.01;

pub struct Scene<'m> {
    pub map: &'m ServiceMap,
    pub shown: &'m Shown,
    pub camera: Camera,
    /// What is selected or pointed at: it and its neighbours stand out.
    pub focus: Option<Thing>,
    /// The focus's nodes and their neighbours; everything without a focus.
    pub near: Vec<bool>,
    /// Of the names typed into the filter.
    pub found: &'m dyn Fn(u32) -> bool,
    pub secs: f64,
}

pub fn draw(surface: &Surface, scene: &Scene<'_>) {
    let context = &surface.context;
    let Camera { x, y, scale } = scene.camera;
    context.save();
    let _ = context.scale(scale, scale);
    let _ = context.translate(-x, -y);
    context.set_text_baseline("middle");
    let view = (x, y, x + surface.width_px / scale, y + surface.height_px / scale);
    for (at, edge) in scene.map.edges.iter().enumerate().filter(|(at, _)| scene.shown.edges[*at]) {
        draw_edge(surface, scene, at as u32, edge, view);
    }
    for node in (0..scene.map.nodes.len() as u32).filter(|node| scene.shown.nodes[*node as usize]) {
        draw_node(surface, scene, node, view);
    }
    if scale >= WORDS_FROM_SCALE {
        for (at, edge) in scene.map.edges.iter().enumerate().filter(|(at, _)| scene.shown.edges[*at]) {
            draw_words(surface, scene, at as u32, edge);
        }
    }
    context.restore();
}

fn is_near(scene: &Scene<'_>, thing: Thing) -> bool {
    match (scene.focus, thing) {
        (None, _) => true,
        (_, Thing::Node(node)) => scene.near[node as usize],
        (Some(Thing::Edge(focus)), Thing::Edge(at)) => focus == at,
        (Some(Thing::Node(node)), Thing::Edge(at)) => {
            let edge = &scene.map.edges[at as usize];
            edge.client == node || edge.server == node
        }
    }
}

fn draw_edge(surface: &Surface, scene: &Scene<'_>, at: u32, edge: &MapEdge, view: (f64, f64, f64, f64)) {
    let points = curve(scene.map, edge);
    let [start, a, b, end] = points;
    let bound = |of: fn(&(f64, f64)) -> f64| {
        let all = points.iter().map(of);
        (all.clone().fold(f64::MAX, f64::min), all.fold(f64::MIN, f64::max))
    };
    let (xs, ys) = (bound(|p| p.0), bound(|p| p.1));
    if xs.1 < view.0 || xs.0 > view.2 || ys.1 < view.1 || ys.0 > view.3 {
        return;
    }
    let context = &surface.context;
    let change = scene.map.change(edge);
    let is_failing = edge.now.error_share() >= FAILING;
    let palette = &surface.palette;
    let color = match change {
        _ if is_failing => &palette.error,
        EdgeChange::New | EdgeChange::Slower => &palette.accent,
        _ => &palette.text_soft,
    };
    let is_near = is_near(scene, Thing::Edge(at));
    context.set_global_alpha(match (is_near, scene.focus.is_some()) {
        (true, true) => 1.0,
        (true, false) => 0.55,
        (false, _) => 0.12,
    });
    context.set_stroke_style_str(color);
    context.set_line_width(1.0 + ((edge.now.calls as f64 / scene.secs).max(0.0) + 1.0).log10() * 1.6);
    let is_lost = change == EdgeChange::Lost;
    if is_lost {
        dash(surface, &[5.0, 4.0]);
    }
    context.begin_path();
    context.move_to(start.0, start.1);
    context.bezier_curve_to(a.0, a.1, b.0, b.1, end.0 - 5.0, end.1);
    context.stroke();
    if is_lost {
        dash(surface, &[]);
    }
    surface.fill(color);
    context.begin_path();
    context.move_to(end.0, end.1);
    context.line_to(end.0 - 7.0, end.1 - 4.0);
    context.line_to(end.0 - 7.0, end.1 + 4.0);
    context.fill();
    context.set_global_alpha(1.0);
}

/// Over everything else, what the arrows around the focus carry, and what has changed.
fn draw_words(surface: &Surface, scene: &Scene<'_>, at: u32, edge: &MapEdge) {
    let change = scene.map.change(edge);
    let is_told = is_near(scene, Thing::Edge(at)) && (scene.focus.is_some() || change != EdgeChange::Same);
    if is_told {
        let is_failing = edge.now.error_share() >= FAILING;
        let color = if is_failing { &surface.palette.error } else { &surface.palette.text };
        words(surface, middle(scene.map, edge), &edge_words(edge, change, scene.secs), color);
    }
}

fn dash(surface: &Surface, lengths: &[f64]) {
    let list: js_sys::Array = lengths.iter().map(|length| wasm_bindgen::JsValue::from_f64(*length)).collect();
    let _ = surface.context.set_line_dash(&list);
}

fn words(surface: &Surface, (x, y): (f64, f64), text: &str, color: &str) {
    surface.context.set_font(SMALL);
    let width = surface.text_width(text);
    surface.fill(&surface.palette.surface);
    surface.rect(x - width / 2.0 - 3.0, y - 8.0, width + 6.0, 16.0);
    surface.fill(color);
    surface.text(text, x - width / 2.0, y);
}

fn draw_node(surface: &Surface, scene: &Scene<'_>, number: u32, view: (f64, f64, f64, f64)) {
    let (x, y) = corner(scene.map, number);
    if x + BOX_WIDTH < view.0 || x > view.2 || y + BOX_HEIGHT < view.1 || y > view.3 {
        return;
    }
    let node = &scene.map.nodes[number as usize];
    let (context, palette) = (&surface.context, &surface.palette);
    let is_found = (scene.found)(number);
    context.set_global_alpha(if is_near(scene, Thing::Node(number)) && is_found { 1.0 } else { 0.25 });
    let is_flagged = node.flag.as_ref().is_some_and(|flag| flag.is_origin);
    let is_failing = is_flagged || node.now.error_share() >= FAILING;
    let is_focus = scene.focus == Some(Thing::Node(number));
    context.set_stroke_style_str(match (is_focus, is_failing) {
        (true, _) => &palette.accent,
        (_, true) => &palette.error,
        _ => &palette.line,
    });
    context.set_line_width(if is_focus || is_failing { 2.0 } else { 1.0 });
    surface.fill(&palette.surface);
    context.begin_path();
    let radius = if node.node.kind == NodeKind::Service { 6.0 } else { BOX_HEIGHT / 2.0 };
    let _ = context.round_rect_with_f64(x, y, BOX_WIDTH, BOX_HEIGHT, radius);
    context.fill();
    context.stroke();
    let inset = if node.node.kind == NodeKind::Service { 12.0 } else { 18.0 };
    surface.fill(&palette.services[service_color(&node.node.name)]);
    context.begin_path();
    let _ = context.arc(x + inset, y + 14.0, 4.0, 0.0, std::f64::consts::TAU);
    context.fill();
    if is_flagged {
        flag(surface, x + BOX_WIDTH - 10.0, y + 3.0);
    }
    if scene.camera.scale >= WORDS_FROM_SCALE {
        surface.fill(&palette.text);
        context.set_font(FONT);
        let room = BOX_WIDTH - inset * 2.0 - 8.0;
        surface.text(&fitting(surface, &node.node.name, room), x + inset + 9.0, y + 14.0);
        context.set_font(SMALL);
        surface.fill(if is_failing { &palette.error } else { &palette.text_soft });
        let mut text = figures(&node.now, scene.secs);
        if node.node.kind != NodeKind::Service {
            text = format!("{} · {text}", node.node.kind.name());
        }
        surface.text(&fitting(surface, &text, BOX_WIDTH - 2.0 * inset + 6.0), x + inset - 4.0, y + 30.0);
    }
    context.set_global_alpha(1.0);
}

/// A triangle in the corner: an anomaly has its origin here.
fn flag(surface: &Surface, x: f64, y: f64) {
    surface.fill(&surface.palette.error);
    surface.context.begin_path();
    surface.context.move_to(x, y);
    surface.context.line_to(x + 6.0, y + 10.0);
    surface.context.line_to(x - 6.0, y + 10.0);
    surface.context.fill();
}

fn fitting(surface: &Surface, text: &str, room: f64) -> String {
    if surface.text_width(text) <= room {
        return text.to_owned();
    }
    let mut kept: String = text.to_owned();
    while kept.pop().is_some() && surface.text_width(&kept) > room - 10.0 {}
    kept + "…"
}

/// `12.3/s · 0.4 % · 87 ms`
fn figures(now: &MapFigures, secs: f64) -> String {
    if now.calls == 0 {
        return "no calls".to_owned();
    }
    let mut text = per_second(now.calls, secs);
    if now.errors > 0 {
        text += " · ⚠ ";
        text += &share(now.errors, now.calls);
    }
    text + " · " + &duration(now.p95)
}

fn per_second(calls: u64, secs: f64) -> String {
    let rate = calls as f64 / secs.max(1.0);
    match rate {
        r if r >= 10.0 => format!("{r:.0}/s"),
        r if r >= 0.1 => format!("{r:.1}/s"),
        r => format!("{:.1}/min", r * 60.0),
    }
}

fn edge_words(edge: &MapEdge, change: EdgeChange, secs: f64) -> String {
    match change {
        EdgeChange::Lost => "lost".to_owned(),
        EdgeChange::New => "new · ".to_owned() + &figures(&edge.now, secs),
        EdgeChange::Slower => {
            let factor = edge.now.p95.0 as f64 / edge.before.p95.0.max(1) as f64;
            format!("× {factor:.1} slower · {}", figures(&edge.now, secs))
        }
        EdgeChange::MoreErrors | EdgeChange::Same => figures(&edge.now, secs),
    }
}
