//! Which operations call which, and where their boxes stand. Pure.
//!
//! ```text
//!   layer 0        layer 1          layer 2
//!   ┌─────┐  ×3   ┌───────┐        ┌────────┐
//!   │ GET │──────▶│ query │───────▶│ SELECT │     a box stands as high as the boxes that call it
//!   └─────┘       └───────┘        └────────┘
//! ```

use std::collections::HashMap;

use model::order::{falling, sort_by};
use model::trace::{NO_ROW, Trace, Tree};

pub const BOX_WIDTH_PX: f64 = 210.0;
pub const BOX_HEIGHT_PX: f64 = 42.0;
const COLUMN_PX: f64 = BOX_WIDTH_PX + 96.0;
const LINE_PX: f64 = BOX_HEIGHT_PX + 14.0;
pub const MARGIN_PX: f64 = 16.0;
/// More boxes than these are counted: the ones with the most time of their own are shown.
pub const MOST_NODES: usize = 250;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Numbers into the trace's dictionary.
    pub service: u32,
    pub operation: u32,
    /// Its first span.
    pub first: u32,
    pub spans: u32,
    pub errors: u32,
    pub self_time: u64,
    /// Spans that are called by one of the same operation.
    pub own_calls: u32,
    pub layer: u32,
    pub x: f64,
    pub y: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    pub calls: u32,
    pub errors: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
    /// Operations there was no room for.
    pub left_out: usize,
    pub width_px: f64,
    pub height_px: f64,
}

pub fn graph(trace: &Trace, tree: &Tree) -> Graph {
    let (mut nodes, of_row) = nodes(trace, tree);
    let shown = shown(&nodes);
    let left_out = shown.iter().filter(|shown| **shown == usize::MAX).count();
    let mut counts: HashMap<(usize, usize), (u32, u32)> = HashMap::new();
    for row in 0..trace.len() {
        let above = tree.parent[row];
        if above == NO_ROW {
            continue;
        }
        let (from, to) = (of_row[above as usize] as usize, of_row[row] as usize);
        if from == to {
            nodes[to].own_calls += 1;
        } else if shown[from] != usize::MAX && shown[to] != usize::MAX {
            let entry = counts.entry((shown[from], shown[to])).or_default();
            entry.0 += 1;
            entry.1 += u32::from(trace.is_error(row));
        }
    }
    let mut edges: Vec<Edge> =
        counts.into_iter().map(|((from, to), (calls, errors))| Edge { from, to, calls, errors }).collect();
    sort_by(&mut edges, |edge| (edge.from as u64, edge.to as u64));
    let mut at = 0;
    nodes.retain(|_| {
        at += 1;
        shown[at - 1] != usize::MAX
    });
    let mut graph = Graph { nodes, edges, left_out, ..Graph::default() };
    graph.place();
    graph
}

/// Every operation once, in order of first appearance in the tree, and the number of each row's.
fn nodes(trace: &Trace, tree: &Tree) -> (Vec<Node>, Vec<u32>) {
    let mut number_of: HashMap<(u32, u32), u32> = HashMap::new();
    let mut nodes: Vec<Node> = Vec::new();
    let mut of_row = vec![0; trace.len()];
    for row in tree.order.iter().map(|row| *row as usize) {
        let key = (trace.service[row], trace.operation[row]);
        let number = *number_of.entry(key).or_insert_with(|| {
            let layer = tree.depth[row];
            nodes.push(Node {
                service: key.0,
                operation: key.1,
                first: row as u32,
                layer,
                ..Node::default()
            });
            nodes.len() as u32 - 1
        });
        let node = &mut nodes[number as usize];
        node.spans += 1;
        node.errors += u32::from(trace.is_error(row));
        node.self_time = node.self_time.saturating_add(tree.self_time[row]);
        node.layer = node.layer.min(tree.depth[row]);
        of_row[row] = number;
    }
    (nodes, of_row)
}

/// The place of each node among those shown, or none.
fn shown(nodes: &[Node]) -> Vec<usize> {
    let mut best: Vec<usize> = (0..nodes.len()).collect();
    sort_by(&mut best, |number| (falling(nodes[*number].self_time), *number as u64));
    best.truncate(MOST_NODES);
    let mut shown = vec![usize::MAX; nodes.len()];
    best.iter().for_each(|number| shown[*number] = 0);
    for (place, number) in shown.iter_mut().filter(|shown| **shown == 0).enumerate() {
        *number = place;
    }
    shown
}

impl Graph {
    /// Layers from left to right without empty ones; within a layer by where the callers stand.
    fn place(&mut self) {
        let mut layers: Vec<u32> = self.nodes.iter().map(|node| node.layer).collect();
        sort_by(&mut layers, |layer| ((*layer).into(), 0));
        layers.dedup();
        for (column, layer) in layers.into_iter().enumerate() {
            let mut members: Vec<usize> =
                (0..self.nodes.len()).filter(|node| self.nodes[*node].layer == layer).collect();
            let wished: Vec<f64> = self.nodes.iter().enumerate().map(|(at, _)| self.wished(at)).collect();
            sort_by(&mut members, |node| (wished[*node].max(0.0) as u64, *node as u64));
            let mut free: f64 = MARGIN_PX;
            for node in members {
                let y = wished[node].max(free);
                (self.nodes[node].x, self.nodes[node].y) = (MARGIN_PX + column as f64 * COLUMN_PX, y);
                free = y + LINE_PX;
                self.height_px = self.height_px.max(free);
            }
            self.width_px = 2.0 * MARGIN_PX + column as f64 * COLUMN_PX + BOX_WIDTH_PX;
        }
    }

    /// The middle of the callers in earlier layers.
    fn wished(&self, node: usize) -> f64 {
        let callers = self
            .edges
            .iter()
            .filter(|edge| edge.to == node && self.nodes[edge.from].layer < self.nodes[node].layer);
        let (sum, count) = callers.fold((0.0, 0), |(sum, n), edge| (sum + self.nodes[edge.from].y, n + 1));
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }
}

#[cfg(test)]
mod tests {
    //! Graphs of drawn traces.
    use model::trace::drawn::trace;

    use super::*;

    fn drawn(drawing: &str) -> (Vec<String>, Vec<String>) {
        let trace = trace(drawing);
        let graph = graph(&trace, &Tree::new(&trace));
        let name = |node: usize| trace.text(graph.nodes[node].operation).to_owned();
        let nodes = graph.nodes.iter().map(|n| {
            format!("{} layer {} ×{} own {}", trace.text(n.operation), n.layer, n.spans, n.own_calls)
        });
        let edges = graph
            .edges
            .iter()
            .map(|e| format!("{} -> {} ×{} errors {}", name(e.from), name(e.to), e.calls, e.errors));
        for (a, b) in graph.nodes.iter().zip(graph.nodes.iter().skip(1)) {
            assert!((a.x, a.y) != (b.x, b.y));
        }
        (nodes.collect(), edges.collect())
    }

    #[test]
    fn operations_stand_once_with_their_calls_counted() {
        let (nodes, edges) = drawn(
            "shop GET 0..100
               cart get 10..20
                 db query 11..12
               cart get 30..40 error
                 db query 31..32
               db query 50..60",
        );
        assert_eq!(nodes, ["GET layer 0 ×1 own 0", "get layer 1 ×2 own 0", "query layer 1 ×3 own 0"]);
        assert_eq!(edges, ["GET -> get ×2 errors 1", "GET -> query ×1 errors 0", "get -> query ×2 errors 0"]);
    }

    #[test]
    fn recursion_is_counted_on_the_box_and_circles_end() {
        let (nodes, edges) = drawn(
            "shop walk 0..100
               shop walk 10..90
                 cart get 20..80
                   shop walk 30..70",
        );
        assert_eq!(nodes, ["walk layer 0 ×3 own 1", "get layer 2 ×1 own 0"]);
        assert_eq!(edges, ["walk -> get ×1 errors 0", "get -> walk ×1 errors 0"]);
    }

    #[test]
    fn boxes_never_overlap_and_the_rest_is_counted() {
        let mut drawing = "shop GET 0..1000\n".to_owned();
        for at in 0..MOST_NODES + 20 {
            drawing += &format!("  db op{at} {at}..{}\n", at + 2);
        }
        let trace = trace(&drawing);
        let graph = graph(&trace, &Tree::new(&trace));
        assert_eq!((graph.nodes.len(), graph.left_out), (MOST_NODES, 21));
        let mut places: Vec<(u64, u64)> = graph.nodes.iter().map(|n| (n.x as u64, n.y as u64)).collect();
        sort_by(&mut places, |place| *place);
        assert!(places.windows(2).all(|p| p[0].0 != p[1].0 || p[1].1 - p[0].1 >= BOX_HEIGHT_PX as u64));
    }
}
