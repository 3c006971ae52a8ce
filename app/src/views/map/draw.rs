//! The map on a canvas. Only what is in view is drawn.

use model::trace::call::NodeKind;
use model::view::{EdgeChange, MapEdge, MapFigures, ServiceMap};

use super::layout::{
    BOX_HEIGHT, BOX_WIDTH, Camera, Shown, Thing, WORDS_FROM_SCALE, corner, curve, near, words_at,
};
use crate::chart::canvas::Surface;
use crate::chart::color::service_color;
use crate::format::{duration, share};

const FONT: &str = "12px system-ui, -apple-system, \"Segoe UI\", Roboto, \"Liberation Sans\", sans-serif";
const SMALL: &str = "11px system-ui, -apple-system, \"Segoe UI\", Roboto, \"Liberation Sans\", sans-serif";
/// As many failures show as a colour and a mark.
const FAILING: f64 = 0.01;

/// With more arrows than these they are drawn fainter, or they would be one surface.
const MANY_EDGES: usize = 1_500;
/// From this scale on a box has room for a few letters of its name, as small as they may be.
const NAMES_FROM_SCALE: f64 = 0.3;
const LEAST_FONT_PX: f64 = 9.5;
/// Below this scale an arrow's head is less than a dot.
const HEADS_FROM_SCALE: f64 = 0.2;

pub struct Scene<'m> {
    pub map: &'m ServiceMap,
    pub shown: &'m Shown,
    pub camera: Camera,
    /// What is selected or pointed at: it and its neighbours stand out.
    pub focus: Option<Thing>,
    /// Of the names that are looked for.
    pub found: &'m dyn Fn(u32) -> bool,
    pub secs: f64,
}

/// Left, top, right and bottom of what is in view, in the map's units.
type View = (f64, f64, f64, f64);

/// Everything, whatever is looked at.
pub fn draw(surface: &Surface, scene: &Scene<'_>) {
    let view = begin(surface, scene.camera);
    let edges: Vec<u32> =
        (0..scene.map.edges.len() as u32).filter(|at| scene.shown.edges[*at as usize]).collect();
    let alpha = if edges.len() > MANY_EDGES { 0.3 } else { 0.55 };
    draw_edges(surface, scene, &edges, alpha, view);
    draw_words(surface, scene, &edges, view);
    // Thousands of boxes full of colour would shout.
    let is_far = scene.camera.scale < NAMES_FROM_SCALE;
    surface.context.set_global_alpha(if is_far { 0.6 } else { 1.0 });
    for node in (0..scene.map.nodes.len() as u32).filter(|node| scene.shown.nodes[*node as usize]) {
        draw_node(surface, scene, node, view, false);
    }
    surface.context.restore();
}

/// What is looked at and its neighbours, or what was looked for.
pub fn draw_over(surface: &Surface, scene: &Scene<'_>) {
    let view = begin(surface, scene.camera);
    let edges: Vec<u32> = (0..scene.map.edges.len() as u32)
        .filter(|at| scene.shown.edges[*at as usize] && is_of_focus(scene, *at))
        .collect();
    draw_edges(surface, scene, &edges, 1.0, view);
    let near = near(scene.map, scene.focus);
    for node in (0..scene.map.nodes.len() as u32).filter(|node| scene.shown.nodes[*node as usize]) {
        let is_found = (scene.found)(node);
        if is_found || (scene.focus.is_some() && near[node as usize]) {
            draw_node(surface, scene, node, view, is_found);
        }
    }
    draw_words(surface, scene, &edges, view);
    surface.context.restore();
}

fn begin(surface: &Surface, Camera { x, y, scale }: Camera) -> View {
    let context = &surface.context;
    context.save();
    let _ = context.scale(scale, scale);
    let _ = context.translate(-x, -y);
    context.set_text_baseline("middle");
    (x, y, x + surface.width_px / scale, y + surface.height_px / scale)
}

fn is_of_focus(scene: &Scene<'_>, at: u32) -> bool {
    let edge = &scene.map.edges[at as usize];
    match scene.focus {
        None => false,
        Some(Thing::Edge(focus)) => focus == at,
        Some(Thing::Node(node)) => edge.client == node || edge.server == node,
    }
}

/// How an arrow is drawn: those that are drawn alike are one path.
fn style_of(scene: &Scene<'_>, edge: &MapEdge) -> u64 {
    let change = scene.map.change(edge);
    let color = match change {
        _ if edge.now.error_share() >= FAILING => 2,
        EdgeChange::New | EdgeChange::Slower => 1,
        _ => 0,
    };
    let width = ((edge.now.calls as f64 / scene.secs).max(0.0) + 1.0).log10() * 1.6;
    color << 32 | u64::from(change == EdgeChange::Lost) << 16 | (width * 4.0) as u64
}

fn draw_edges(surface: &Surface, scene: &Scene<'_>, edges: &[u32], alpha: f64, view: View) {
    let mut drawn: Vec<(u64, [(f64, f64); 4])> = Vec::with_capacity(edges.len());
    for at in edges {
        let edge = &scene.map.edges[*at as usize];
        let points = curve(scene.map, edge);
        if is_in(&points, view) {
            drawn.push((style_of(scene, edge), points));
        }
    }
    // What fails lies on top.
    model::order::sort_by(&mut drawn, |(style, _)| (*style, 0));
    let (context, scale) = (&surface.context, scene.camera.scale);
    let colors = [&surface.palette.text_soft, &surface.palette.accent, &surface.palette.error];
    context.set_global_alpha(alpha);
    for alike in drawn.chunk_by(|a, b| a.0 == b.0) {
        let style = alike[0].0;
        let color = colors[(style >> 32) as usize];
        let is_lost = style >> 16 & 1 == 1;
        context.set_stroke_style_str(color);
        // A line is never thinner than the screen shows.
        context.set_line_width((1.0 + (style & 0xffff) as f64 / 4.0).max(0.7 / scale));
        if is_lost {
            dash(surface, &[5.0, 4.0]);
        }
        context.begin_path();
        for (_, [start, a, b, end]) in alike {
            context.move_to(start.0, start.1);
            context.bezier_curve_to(a.0, a.1, b.0, b.1, end.0 - 5.0, end.1);
        }
        context.stroke();
        if is_lost {
            dash(surface, &[]);
        }
        if scale >= HEADS_FROM_SCALE {
            surface.fill(color);
            context.begin_path();
            for (_, [_, _, _, end]) in alike {
                context.move_to(end.0, end.1);
                context.line_to(end.0 - 7.0, end.1 - 4.0);
                context.line_to(end.0 - 7.0, end.1 + 4.0);
            }
            context.fill();
        }
    }
    context.set_global_alpha(1.0);
}

/// Whether a curve may be seen: it lies between its outermost points.
fn is_in(points: &[(f64, f64); 4], view: View) -> bool {
    let bound = |of: fn(&(f64, f64)) -> f64| {
        let all = points.iter().map(of);
        (all.clone().fold(f64::MAX, f64::min), all.fold(f64::MIN, f64::max))
    };
    let (xs, ys) = (bound(|p| p.0), bound(|p| p.1));
    xs.1 >= view.0 && xs.0 <= view.2 && ys.1 >= view.1 && ys.0 <= view.3
}

/// What has changed about arrows, and of those around the focus what they carry; none over another's, the first counts.
fn draw_words(surface: &Surface, scene: &Scene<'_>, edges: &[u32], view: View) {
    if scene.camera.scale < WORDS_FROM_SCALE {
        return;
    }
    surface.context.set_font(SMALL);
    let mut taken: Vec<View> = Vec::new();
    for at in edges {
        let edge = &scene.map.edges[*at as usize];
        let (x, y) = words_at(scene.map, edge);
        let text = edge_words(edge, scene.map.change(edge), is_of_focus(scene, *at), scene.secs);
        if text.is_empty() || x < view.0 || x > view.2 || y < view.1 || y > view.3 {
            continue;
        }
        let width = surface.text_width(&text) + 6.0;
        let place = (x - width / 2.0, y - 8.0, x + width / 2.0, y + 8.0);
        let is_over =
            |other: &View| place.0 < other.2 && place.2 > other.0 && place.1 < other.3 && place.3 > other.1;
        if taken.iter().any(is_over) {
            continue;
        }
        taken.push(place);
        surface.fill(&surface.palette.surface);
        surface.rect(place.0, place.1, width, 16.0);
        let is_failing = edge.now.error_share() >= FAILING;
        surface.fill(if is_failing { &surface.palette.error } else { &surface.palette.text });
        surface.text(&text, place.0 + 3.0, y);
    }
}

fn dash(surface: &Surface, lengths: &[f64]) {
    let list: js_sys::Array = lengths.iter().map(|length| wasm_bindgen::JsValue::from_f64(*length)).collect();
    let _ = surface.context.set_line_dash(&list);
}

fn draw_node(surface: &Surface, scene: &Scene<'_>, number: u32, view: View, is_found: bool) {
    let (x, y) = corner(scene.map, number);
    if x + BOX_WIDTH < view.0 || x > view.2 || y + BOX_HEIGHT < view.1 || y > view.3 {
        return;
    }
    let node = &scene.map.nodes[number as usize];
    let (context, palette, scale) = (&surface.context, &surface.palette, scene.camera.scale);
    let has_words = scale >= WORDS_FROM_SCALE;
    let is_flagged = node.flag.as_ref().is_some_and(|flag| flag.is_origin);
    let is_failing = is_flagged || node.now.error_share() >= FAILING;
    let is_focus = is_found || scene.focus == Some(Thing::Node(number));
    context.set_stroke_style_str(match (is_focus, is_failing) {
        (true, _) => &palette.accent,
        (_, true) => &palette.error,
        _ => &palette.line,
    });
    let color = &palette.services[service_color(&node.node.name)];
    context.set_line_width(if is_focus || is_failing { (2.0f64).max(1.5 / scale) } else { 1.0 });
    // Where nothing can be read, the whole box has the colour of its service.
    surface.fill(if scale >= NAMES_FROM_SCALE { &palette.surface } else { color });
    context.begin_path();
    let radius = if node.node.kind == NodeKind::Service { 6.0 } else { BOX_HEIGHT / 2.0 };
    let _ = context.round_rect_with_f64(x, y, BOX_WIDTH, BOX_HEIGHT, radius);
    context.fill();
    context.stroke();
    if is_flagged {
        flag(surface, x + BOX_WIDTH - 10.0, y + 3.0);
    }
    if !has_words {
        if scale >= NAMES_FROM_SCALE {
            small_name(surface, &node.node.name, color, (x, y), scale);
        }
        return;
    }
    let inset = if node.node.kind == NodeKind::Service { 12.0 } else { 18.0 };
    surface.fill(color);
    context.begin_path();
    let _ = context.arc(x + inset, y + 14.0, 4.0, 0.0, std::f64::consts::TAU);
    context.fill();
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

/// As much of the name as fits a small box, beside its colour.
fn small_name(surface: &Surface, name: &str, color: &str, (x, y): (f64, f64), scale: f64) {
    let edge = 4.0 / scale;
    surface.fill(color);
    surface.rect(x + 1.0, y + BOX_HEIGHT * 0.2, edge, BOX_HEIGHT * 0.6);
    surface.fill(&surface.palette.text);
    surface.context.set_font(&SMALL.replacen("11", &format!("{:.1}", LEAST_FONT_PX / scale), 1));
    let room = BOX_WIDTH - 2.0 * edge;
    surface.text(&fitting(surface, name, room), x + 1.5 * edge, y + BOX_HEIGHT / 2.0);
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
    let dots = surface.text_width("…");
    while kept.pop().is_some() && surface.text_width(&kept) > room - dots {}
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
        r if r * 60.0 >= 0.1 => format!("{:.1}/min", r * 60.0),
        r => format!("{:.1}/h", r * 3_600.0),
    }
}

/// What changed, briefly, as it stands in a gap; of one looked at, what it carries if nothing did.
fn edge_words(edge: &MapEdge, change: EdgeChange, is_looked_at: bool, secs: f64) -> String {
    match change {
        EdgeChange::Lost => "lost".to_owned(),
        EdgeChange::New => "new".to_owned(),
        EdgeChange::Slower => {
            let tenths = edge.now.p95.0 * 10 / edge.before.p95.0.max(1);
            format!("× {}.{}", tenths / 10, tenths % 10)
        }
        EdgeChange::MoreErrors => "⚠ ".to_owned() + &share(edge.now.errors, edge.now.calls),
        EdgeChange::Same if is_looked_at && edge.now.calls > 0 => {
            per_second(edge.now.calls, secs) + " · " + &duration(edge.now.p95)
        }
        EdgeChange::Same => String::new(),
    }
}
