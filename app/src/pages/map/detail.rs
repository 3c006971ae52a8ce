//! What is selected on the map: its figures beside the time before, its neighbours, and the way to its traces.

use leptos::prelude::*;
use model::AttrValue;
use model::query::edit::{self, Condition};
use model::trace::call::NodeKind;
use model::view::{EdgeChange, GraphNode, MapEdge, MapFigures, ServiceMap};

use super::{Map, change_word};
use crate::chart::color::service_color_css;
use crate::format::{duration, share};
use crate::url::map::MOST_HOPS;
use crate::url::{AnomaliesView, SearchView, ServicesView, TimeRange};
use crate::views::map::layout::Thing;

#[component]
pub fn Detail(page: Map) -> impl IntoView {
    move || {
        page.selected.get().map(|thing| {
            let map = page.map.get();
            let body = match thing {
                Thing::Node(node) => of_node(page, &map, node).into_any(),
                Thing::Edge(edge) => of_edge(page, &map, &map.edges[edge as usize]).into_any(),
            };
            view! {
                <aside class="Map-detail" data-testid="map-detail" aria-label="Selected">
                    <button type="button" class="Button is-small is-quiet Map-close" aria-label="Close" title="Close (Esc)"
                        on:click=move |_| page.select(None)>"✕"</button>
                    {body}
                    <p class="Map-hops">
                        <button type="button" class="Button is-small" title="Only what is around it (Enter)"
                            on:click=move |_| page.change(|v| v.hops = (v.hops + 1).min(MOST_HOPS))>
                            {move || match page.view.with(|view| view.hops) {
                                0 => "Only its surroundings".to_owned(),
                                1 => "One call away".to_owned(),
                                hops => format!("Up to {} calls away", hops),
                            }}
                        </button>
                        <button type="button" class="Button is-small" disabled=move || page.view.with(|view| view.hops == 0)
                            on:click=move |_| page.change(|v| v.hops = 0)>"Everything"</button>
                    </p>
                </aside>
            }
        })
    }
}

fn title(node: &GraphNode) -> impl IntoView + use<> {
    let kind = (node.kind != NodeKind::Service).then(|| node.kind.name());
    view! {
        <span class="Map-name">
            <i class="Service-dot" style:background=service_color_css(&node.name)></i>
            {node.name.clone()}
            <small>{kind}</small>
        </span>
    }
}

pub fn rate(calls: u64, secs: f64) -> String {
    match calls as f64 / secs.max(1.0) {
        r if r >= 0.1 || calls == 0 => format!("{r:.1}/s"),
        r if r * 60.0 >= 0.1 => format!("{:.1}/min", r * 60.0),
        r => format!("{:.1}/h", r * 3_600.0),
    }
}

fn figures(name: &'static str, of: &MapFigures, secs: f64) -> impl IntoView + use<> {
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td class="is-number">{rate(of.calls, secs)}</td>
            <td class="is-number" class:is-failing=of.errors != 0>{share(of.errors, of.calls)}</td>
            <td class="is-number">{duration(of.p50)}</td>
            <td class="is-number">{duration(of.p95)}</td>
        </tr>
    }
}

fn figures_head() -> impl IntoView {
    view! {
        <thead>
            <tr>
                <td></td>
                <th scope="col" class="is-number">"Calls"</th>
                <th scope="col" class="is-number">"Failed"</th>
                <th scope="col" class="is-number">"p50"</th>
                <th scope="col" class="is-number">"p95"</th>
            </tr>
        </thead>
    }
}

fn of_node(page: Map, map: &ServiceMap, number: u32) -> impl IntoView + use<> {
    let node = &map.nodes[number as usize];
    let secs = page.secs();
    let links = (node.node.kind == NodeKind::Service).then(|| {
        let service = ServicesView::default().url(Some(&node.node.name));
        let traces = traces(map, &[("service", &node.node.name)]);
        view! { <a class="Button is-small" href=service>"Service"</a> <a class="Button is-small" data-testid="traces" href=traces>"Traces"</a> }
    });
    let group = (node.node.kind == NodeKind::Namespace).then(|| {
        let href = traces(map, &[("service.namespace", &node.node.name)]);
        view! { <a class="Button is-small" data-testid="traces" href=href>"Traces"</a> }
    });
    let side = |name: &'static str, of: fn(&MapEdge) -> (u32, u32)| {
        let mut edges: Vec<u32> =
            (0..map.edges.len() as u32).filter(|at| of(&map.edges[*at as usize]).0 == number).collect();
        model::order::sort_by(&mut edges, |at| (model::order::falling(map.edges[*at as usize].now.calls), 0));
        let rows: Vec<_> = edges
            .into_iter()
            .map(|at| neighbour(page, map, at, of(&map.edges[at as usize]).1, secs))
            .collect();
        (!rows.is_empty()).then(|| view! { <h3>{name}</h3> <ul class="Map-list">{rows}</ul> })
    };
    let flag = node.flag.clone().map(|flag| {
        let word = if flag.is_origin { "anomaly" } else { "affected" };
        let href = AnomaliesView::default().url();
        view! {
            <p class="Map-flag" data-testid="flag">
                <a class="Flag" class:is-origin=flag.is_origin href=href>{word}</a> " " {flag.reason}
            </p>
        }
    });
    view! {
        <h2>{title(&node.node)}</h2>
        {flag}
        <table class="Map-figures">{figures_head()}<tbody>{figures("Now", &node.now, secs)}</tbody></table>
        <p class="Map-links">{links} {group}</p>
        {side("Called by", |edge| (edge.server, edge.client))}
        {side("Calls", |edge| (edge.client, edge.server))}
    }
}

fn neighbour(page: Map, map: &ServiceMap, edge: u32, other: u32, secs: f64) -> impl IntoView + use<> {
    let figures = map.edges[edge as usize].now;
    let change = change_word(map.change(&map.edges[edge as usize]));
    let is_failing = figures.errors > 0;
    view! {
        <li>
            <button type="button" class="Map-link" on:click=move |_| page.select(Some(Thing::Edge(edge)))>
                {title(&map.nodes[other as usize].node)}
                <span class="Map-facts" class:is-failing=is_failing>
                    {rate(figures.calls, secs)} " · " {duration(figures.p95)}
                    {is_failing.then(|| format!(" · ⚠ {}", share(figures.errors, figures.calls)))}
                    <b>{change}</b>
                </span>
            </button>
        </li>
    }
}

fn of_edge(page: Map, map: &ServiceMap, edge: &MapEdge) -> impl IntoView + use<> {
    let (client, server) = (&map.nodes[edge.client as usize].node, &map.nodes[edge.server as usize].node);
    let secs = page.secs();
    let words = match map.change(edge) {
        EdgeChange::Same if !map.has_before => "There is no time before to compare with.",
        EdgeChange::Same => "About the same as in the time before.",
        EdgeChange::New => "New: there was no such call in the time before.",
        EdgeChange::Lost => "Lost: there were such calls in the time before.",
        EdgeChange::Slower => "Slower than in the time before.",
        EdgeChange::MoreErrors => "Fails more often than in the time before.",
    };
    let ends = [edge.client, edge.server].map(|node| {
        let name = title(&map.nodes[node as usize].node);
        view! { <button type="button" class="Map-link" on:click=move |_| page.select(Some(Thing::Node(node)))>{name}</button> }
    });
    let [from, to] = ends;
    let href = traces_of(map, client, server);
    view! {
        <h2>{from}<span class="Map-arrow">"calls"</span>{to}</h2>
        <table class="Map-figures">
            {figures_head()}
            <tbody>{figures("Now", &edge.now, secs)} {figures("Before", &edge.before, secs)}</tbody>
        </table>
        <p class="Services-note">{words}</p>
        <p class="Map-links"><a class="Button is-small" data-testid="traces" href=href>"Traces of this call"</a></p>
    }
}

/// The search for traces with such a call in the map's time.
fn traces_of(map: &ServiceMap, client: &GraphNode, server: &GraphNode) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    let is = |node: &GraphNode| {
        let of = if node.kind == NodeKind::Namespace { "namespace" } else { "name" };
        format!("resource.service.{of} = {}", quoted(&node.name))
    };
    let service = |node: &GraphNode| format!("{{ {} }}", is(node));
    // A database is named by its system and its name.
    let system = |node: &GraphNode| quoted(node.name.split('/').next().unwrap_or_default());
    let b = quoted(&server.name);
    let calls = |what: String| format!("{{ {} && ({what}) }}", is(client));
    let q = match (client.kind, server.kind) {
        (NodeKind::Service | NodeKind::Namespace, NodeKind::Service | NodeKind::Namespace) => {
            format!("{} >> {}", service(client), service(server))
        }
        (NodeKind::Service | NodeKind::Namespace, NodeKind::Database) => {
            let name = system(server);
            calls(format!("span.db.system = {name} || span.db.system.name = {name}"))
        }
        (NodeKind::Service | NodeKind::Namespace, NodeKind::Queue) => {
            calls(format!("span.messaging.system = {}", system(server)))
        }
        (NodeKind::Service | NodeKind::Namespace, NodeKind::External) => {
            calls(format!("span.server.address = {b} || span.peer.service = {b} || span.net.peer.name = {b}"))
        }
        (_, NodeKind::Service | NodeKind::Namespace) => {
            format!("{{ {} && kind = consumer && span.messaging.system = {} }}", is(server), system(client))
        }
        _ => String::new(),
    };
    search(map, q)
}

fn traces(map: &ServiceMap, about: &[(&str, &str)]) -> String {
    let conditions = about
        .iter()
        .filter_map(|(field, value)| Condition::equals(field, AttrValue::Str((*value).to_owned())));
    let q = conditions.fold(String::new(), |q, condition| edit::toggled(&q, &condition).unwrap_or(q));
    search(map, q)
}

fn search(map: &ServiceMap, q: String) -> String {
    let range = TimeRange::Between(Some(map.start), Some(map.end));
    SearchView { range, ..SearchView::about(q) }.url()
}
