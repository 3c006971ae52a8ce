//! Where things stand on the screen, what is shown, and what lies under the pointer. Pure.

use model::view::{GraphNode, MapEdge, ServiceMap, set_out};

pub const BOX_WIDTH: f64 = 184.0;
pub const BOX_HEIGHT: f64 = 42.0;
const COLUMN: f64 = 262.0;
const ROW: f64 = 58.0;
const MARGIN: f64 = 24.0;
/// What is gone to is shown at least this large, so that it can be read.
const READABLE_SCALE: f64 = 0.75;
/// A pointer this near to an arrow means it.
const NEAR_PX: f64 = 6.0;
/// Below this, names could not be read.
pub const WORDS_FROM_SCALE: f64 = 0.45;
pub const LEAST_SCALE: f64 = 0.05;
pub const MOST_SCALE: f64 = 2.0;
/// An edge is minor when it carries at most this share of the calls of both its nodes.
const MINOR_SHARE: f64 = 0.01;

/// A map's point at the top left of the screen, and pixels for each of its units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    pub x: f64,
    pub y: f64,
    pub scale: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Node(u32),
    Edge(u32),
}

/// What is drawn: by number of node and of edge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    pub nodes: Vec<bool>,
    pub edges: Vec<bool>,
}

/// The top left corner of a node's box, in the map's units.
pub fn corner(map: &ServiceMap, node: u32) -> (f64, f64) {
    let node = &map.nodes[node as usize];
    (MARGIN + f64::from(node.column) * COLUMN, MARGIN + f64::from(node.row) * ROW)
}

/// The four points of an arrow's curve.
pub fn curve(map: &ServiceMap, edge: &MapEdge) -> [(f64, f64); 4] {
    let (from, to) = (corner(map, edge.client), corner(map, edge.server));
    let start = (from.0 + BOX_WIDTH, from.1 + BOX_HEIGHT / 2.0);
    let end = (to.0 - 2.0, to.1 + BOX_HEIGHT / 2.0);
    let bend = ((end.0 - start.0).abs() / 2.0).max(44.0);
    [start, (start.0 + bend, start.1), (end.0 - bend, end.1), end]
}

fn along(points: &[(f64, f64); 4], t: f64) -> (f64, f64) {
    let u = 1.0 - t;
    let [a, b, c, d] = [u * u * u, 3.0 * u * u * t, 3.0 * u * t * t, t * t * t];
    let mix = |of: fn(&(f64, f64)) -> f64| {
        a * of(&points[0]) + b * of(&points[1]) + c * of(&points[2]) + d * of(&points[3])
    };
    (mix(|p| p.0), mix(|p| p.1))
}

/// Where an arrow's words stand: in the gap before the node it leads to, where no box is. An arrow back has its middle.
pub fn words_at(map: &ServiceMap, edge: &MapEdge) -> (f64, f64) {
    let points = curve(map, edge);
    let in_gap = points[3].0 - (COLUMN - BOX_WIDTH) / 2.0;
    if points[0].0 > in_gap {
        return along(&points, 0.5);
    }
    let steps = (0..=32).rev().map(|step| along(&points, f64::from(step) / 32.0));
    steps.into_iter().find(|(x, _)| *x <= in_gap).unwrap_or(points[0])
}

impl Camera {
    /// Everything shown in view, as large as fits and no larger than it is.
    pub fn fitting(map: &ServiceMap, shown: &Shown, width: f64, height: f64) -> Camera {
        let (mut low, mut high) = ((f64::MAX, f64::MAX), (0.0f64, 0.0f64));
        for node in (0..map.nodes.len() as u32).filter(|node| shown.nodes[*node as usize]) {
            let (x, y) = corner(map, node);
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x + BOX_WIDTH), high.1.max(y + BOX_HEIGHT));
        }
        if low.0 > high.0 {
            return Camera { x: 0.0, y: 0.0, scale: 1.0 };
        }
        let (wide, tall) = (high.0 - low.0 + 2.0 * MARGIN, high.1 - low.1 + 2.0 * MARGIN);
        let scale = (width / wide).min(height / tall).clamp(LEAST_SCALE, 1.0);
        let x = low.0 - MARGIN - (width / scale - wide).max(0.0) / 2.0;
        let y = low.1 - MARGIN - (height / scale - tall).max(0.0) / 2.0;
        Camera { x, y, scale }
    }

    /// Larger or smaller, with the point under the pointer staying where it is.
    pub fn zoomed(self, factor: f64, at: (f64, f64)) -> Camera {
        let scale = (self.scale * factor).clamp(LEAST_SCALE, MOST_SCALE);
        let (x, y) = self.to_map(at);
        Camera { x: x - at.0 / scale, y: y - at.1 / scale, scale }
    }

    pub fn moved(self, by: (f64, f64)) -> Camera {
        Camera { x: self.x - by.0 / self.scale, y: self.y - by.1 / self.scale, ..self }
    }

    pub fn to_map(self, at: (f64, f64)) -> (f64, f64) {
        (self.x + at.0 / self.scale, self.y + at.1 / self.scale)
    }

    /// The node in the middle, unless it is in view already; where it could not be read, larger.
    pub fn showing(self, map: &ServiceMap, node: u32, width: f64, height: f64) -> Camera {
        let (x, y) = corner(map, node);
        if self.scale < WORDS_FROM_SCALE {
            let scale = READABLE_SCALE;
            let (wide, tall) = (width / scale, height / scale);
            return Camera {
                x: x + BOX_WIDTH / 2.0 - wide / 2.0,
                y: y + BOX_HEIGHT / 2.0 - tall / 2.0,
                scale,
            };
        }
        let (wide, tall) = (width / self.scale, height / self.scale);
        let is_seen =
            x >= self.x && y >= self.y && x + BOX_WIDTH <= self.x + wide && y + BOX_HEIGHT <= self.y + tall;
        if is_seen {
            return self;
        }
        Camera { x: x + BOX_WIDTH / 2.0 - wide / 2.0, y: y + BOX_HEIGHT / 2.0 - tall / 2.0, ..self }
    }
}

/// The same with only what is shown set out, as near together as that can stand.
pub fn close_up(map: &ServiceMap, shown: &Shown) -> ServiceMap {
    let mut nodes: Vec<u32> =
        (0..map.nodes.len() as u32).filter(|node| shown.nodes[*node as usize]).collect();
    let place = |node: &u32| {
        let node = &map.nodes[*node as usize];
        (u64::from(node.column), (f64::from(node.row) * 1_000.0) as u64)
    };
    model::order::sort_by(&mut nodes, place);
    let mut layers: Vec<Vec<u32>> = Vec::new();
    let mut last = None;
    for node in nodes {
        let column = map.nodes[node as usize].column;
        if last != Some(column) {
            layers.push(Vec::new());
            last = Some(column);
        }
        if let Some(layer) = layers.last_mut() {
            layer.push(node);
        }
    }
    let mut close = map.clone();
    for (node, column, row) in set_out(&layers) {
        let node = &mut close.nodes[node as usize];
        (node.column, node.row) = (column, row);
    }
    close
}

/// By node: whether it is what is looked at, or one call away from it. An edge has its two ends.
pub fn near(map: &ServiceMap, focus: Option<Thing>) -> Vec<bool> {
    let mut near = vec![focus.is_none(); map.nodes.len()];
    match focus {
        None => {}
        Some(Thing::Edge(at)) => {
            let edge = &map.edges[at as usize];
            (near[edge.client as usize], near[edge.server as usize]) = (true, true);
        }
        Some(Thing::Node(node)) => {
            near[node as usize] = true;
            for edge in &map.edges {
                if edge.client == node {
                    near[edge.server as usize] = true;
                }
                if edge.server == node {
                    near[edge.client as usize] = true;
                }
            }
        }
    }
    near
}

impl Shown {
    /// Around a node as many calls as `hops`; everything for none.
    pub fn of(map: &ServiceMap, around: Option<u32>, hops: u32, has_minor: bool) -> Shown {
        let (mut nodes, mut edges) = (vec![true; map.nodes.len()], vec![true; map.edges.len()]);
        if !has_minor {
            for (edge, is_shown) in map.edges.iter().zip(&mut edges) {
                *is_shown = !is_minor(map, edge);
            }
        }
        if let Some(around) = around.filter(|_| hops > 0) {
            nodes.fill(false);
            nodes[around as usize] = true;
            for _ in 0..hops {
                let reached = nodes.clone();
                for (edge, _) in map.edges.iter().zip(&edges).filter(|(_, is_shown)| **is_shown) {
                    let (client, server) = (edge.client as usize, edge.server as usize);
                    nodes[server] |= reached[client];
                    nodes[client] |= reached[server];
                }
            }
        }
        for (edge, is_shown) in map.edges.iter().zip(&mut edges) {
            *is_shown &= nodes[edge.client as usize] && nodes[edge.server as usize];
        }
        Shown { nodes, edges }
    }
}

fn is_minor(map: &ServiceMap, edge: &MapEdge) -> bool {
    let share = |node: u32| edge.now.calls as f64 / map.nodes[node as usize].now.calls.max(1) as f64;
    share(edge.client) <= MINOR_SHARE && share(edge.server) <= MINOR_SHARE
}

/// The box under the pointer, or else the arrow near it.
pub fn at(map: &ServiceMap, shown: &Shown, camera: Camera, pointer: (f64, f64)) -> Option<Thing> {
    let (x, y) = camera.to_map(pointer);
    let inside = |node: &u32| {
        let (left, top) = corner(map, *node);
        shown.nodes[*node as usize]
            && (left..left + BOX_WIDTH).contains(&x)
            && (top..top + BOX_HEIGHT).contains(&y)
    };
    if let Some(node) = (0..map.nodes.len() as u32).find(inside) {
        return Some(Thing::Node(node));
    }
    let near = (NEAR_PX / camera.scale).powi(2);
    let distance = |edge: &MapEdge| {
        let curve = curve(map, edge);
        let far = |p: (f64, f64)| (p.0 - x).powi(2) + (p.1 - y).powi(2);
        let (low, high) = (curve[0].1.min(curve[3].1), curve[0].1.max(curve[3].1));
        if y < low - 80.0 || y > high + 80.0 {
            return f64::MAX;
        }
        (0..=48).map(|step| far(along(&curve, f64::from(step) / 48.0))).fold(f64::MAX, f64::min)
    };
    let mut best = (near.max(60.0), None);
    for (at, edge) in map.edges.iter().enumerate().filter(|(at, _)| shown.edges[*at]) {
        let distance = distance(edge);
        if distance < best.0 {
            best = (distance, Some(Thing::Edge(at as u32)));
        }
    }
    best.1
}

/// A node or an edge as the URL names it.
pub fn name_of(map: &ServiceMap, thing: Thing) -> String {
    let node = |node: u32| node_name(&map.nodes[node as usize].node);
    match thing {
        Thing::Node(number) => node(number),
        Thing::Edge(number) => {
            let edge = &map.edges[number as usize];
            node(edge.client) + ">" + &node(edge.server)
        }
    }
}

fn node_name(node: &GraphNode) -> String {
    node.kind.name().to_owned() + ":" + &node.name
}

pub fn named(map: &ServiceMap, name: &str) -> Option<Thing> {
    let is_node = |node: u32, name: &str| node_name(&map.nodes[node as usize].node) == name;
    if let Some(node) = (0..map.nodes.len() as u32).find(|node| is_node(*node, name)) {
        return Some(Thing::Node(node));
    }
    let is_edge = |edge: &MapEdge| {
        name.match_indices('>')
            .any(|(at, _)| is_node(edge.client, &name[..at]) && is_node(edge.server, &name[at + 1..]))
    };
    map.edges.iter().position(is_edge).map(|edge| Thing::Edge(edge as u32))
}

#[cfg(test)]
mod tests {
    use model::trace::call::NodeKind;
    use model::view::{MapFigures, MapNode};

    use super::*;

    /// a → b → c, b → d rarely.
    fn map() -> ServiceMap {
        let figures = |calls| MapFigures { calls, ..MapFigures::default() };
        let node = |(name, column, row): (&str, u32, f32)| MapNode {
            node: GraphNode { kind: NodeKind::Service, name: name.to_owned() },
            now: figures(1_000),
            column,
            row,
            flag: None,
        };
        let edge =
            |(client, server, calls)| MapEdge { client, server, now: figures(calls), before: figures(0) };
        ServiceMap {
            nodes: [("a", 0, 0.0), ("b>x", 1, 0.0), ("c", 2, 0.0), ("d", 2, 1.0)].map(node).to_vec(),
            edges: [(0, 1, 1_000), (1, 2, 1_000), (1, 3, 5)].map(edge).to_vec(),
            ..ServiceMap::default()
        }
    }

    #[test]
    fn what_is_drawn_is_what_lies_under_the_pointer() {
        let map = map();
        let shown = Shown::of(&map, None, 0, true);
        let camera = Camera::fitting(&map, &shown, 1_600.0, 900.0).zoomed(0.7, (100.0, 50.0));
        let on_screen = |(x, y): (f64, f64)| ((x - camera.x) * camera.scale, (y - camera.y) * camera.scale);
        for node in 0..4 {
            let (x, y) = corner(&map, node);
            let inside = on_screen((x + BOX_WIDTH / 2.0, y + BOX_HEIGHT / 2.0));
            assert_eq!(at(&map, &shown, camera, inside), Some(Thing::Node(node)));
        }
        assert_eq!(at(&map, &shown, camera, on_screen(words_at(&map, &map.edges[2]))), Some(Thing::Edge(2)));
        assert_eq!(at(&map, &shown, camera, (1_599.0, 899.0)), None);
    }

    #[test]
    fn hops_and_minor_edges_bound_what_is_shown() {
        let map = map();
        assert_eq!(Shown::of(&map, Some(0), 1, true).nodes, [true, true, false, false]);
        assert_eq!(Shown::of(&map, Some(0), 2, true).nodes, [true; 4]);
        assert_eq!(Shown::of(&map, None, 0, false).edges, [true, true, false]);
        assert_eq!(Shown::of(&map, Some(0), 2, false).nodes, [true, true, true, false]);
    }

    #[test]
    fn what_is_around_a_node_stands_close_together() {
        let mut map = map();
        (map.nodes[2].row, map.nodes[3].row, map.nodes[3].column) = (40.0, 90.0, 7);
        let shown = Shown::of(&map, Some(1), 1, true);
        let close = close_up(&map, &shown);
        let places: Vec<(u32, f32)> = close.nodes.iter().map(|node| (node.column, node.row)).collect();
        assert_eq!(places, [(0, 0.0), (1, 0.0), (2, 0.0), (3, 0.0)]);
        assert_eq!(close.edges, map.edges);
    }

    #[test]
    fn a_node_that_could_not_be_read_is_gone_nearer_to() {
        let map = map();
        let far = Camera { x: 0.0, y: 0.0, scale: 0.1 };
        let near = far.showing(&map, 3, 1_600.0, 900.0);
        assert_eq!(near.scale, READABLE_SCALE);
        let (x, y) = corner(&map, 3);
        let (left, top) = ((x - near.x) * near.scale, (y - near.y) * near.scale);
        assert!((0.0..1_600.0).contains(&left) && (0.0..900.0).contains(&top));
        assert_eq!(near.showing(&map, 3, 1_600.0, 900.0), near);
    }

    #[test]
    fn what_is_near_is_one_call_away() {
        let map = map();
        assert_eq!(near(&map, None), [true; 4]);
        assert_eq!(near(&map, Some(Thing::Node(0))), [true, true, false, false]);
        assert_eq!(near(&map, Some(Thing::Node(1))), [true; 4]);
        assert_eq!(near(&map, Some(Thing::Edge(2))), [false, true, false, true]);
    }

    #[test]
    fn everything_has_a_name_that_finds_it() {
        let map = map();
        for thing in [Thing::Node(1), Thing::Edge(0), Thing::Edge(1), Thing::Edge(2)] {
            assert_eq!(named(&map, &name_of(&map, thing)), Some(thing));
        }
        assert_eq!(named(&map, "service:nobody"), None);
    }

    #[test]
    fn zooming_leaves_the_point_under_the_pointer_in_place() {
        let camera = Camera { x: 10.0, y: 20.0, scale: 1.0 };
        let at = (300.0, 200.0);
        let (before, after) = (camera.to_map(at), camera.zoomed(1.7, at).to_map(at));
        assert!((before.0 - after.0).abs() < 1e-9 && (before.1 - after.1).abs() < 1e-9);
    }
}
