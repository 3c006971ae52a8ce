//! The component: one canvas that is dragged and zoomed.

use std::sync::Arc;

use leptos::ev::{KeyboardEvent, PointerEvent, WheelEvent};
use leptos::html;
use leptos::prelude::*;
use model::view::ServiceMap;

use super::draw::{Scene, draw};
use super::layout::{Camera, Shown, Thing, at, near};
use crate::browser::keys;
use crate::chart::canvas::Canvas;

const STEP: f64 = 1.25;
/// With more arrows than this a picture takes longer than a frame: while it is dragged the one there is moves.
const MANY_EDGES: usize = 1_500;

#[component]
pub fn MapCanvas(
    #[prop(into)] map: Signal<Arc<ServiceMap>>,
    #[prop(into)] shown: Signal<Arc<Shown>>,
    #[prop(into)] selected: Signal<Option<Thing>>,
    #[prop(into)] filter: Signal<String>,
    select: Callback<Option<Thing>>,
) -> impl IntoView {
    let frame = NodeRef::<html::Div>::new();
    // None follows the map's size until somebody moves it.
    let camera = RwSignal::new(None::<Camera>);
    let pointed = RwSignal::new(None::<Thing>);
    let dragged = StoredValue::new(None::<((f64, f64), bool)>);
    // How far the picture was dragged since it was drawn.
    let shift = RwSignal::new((0.0, 0.0));
    let settle = move || {
        let by = shift.get_untracked();
        if by != (0.0, 0.0) {
            shift.set((0.0, 0.0));
            camera.update(|camera| *camera = camera.map(|camera| camera.moved(by)));
        }
    };
    let size = move || {
        frame
            .get_untracked()
            .map_or((1.0, 1.0), |f| (f64::from(f.client_width()), f64::from(f.client_height())))
    };
    let camera_now = move || {
        camera.get_untracked().unwrap_or_else(|| {
            let (width, height) = size();
            map.with_untracked(|map| shown.with_untracked(|shown| Camera::fitting(map, shown, width, height)))
        })
    };
    let under =
        move |to| map.with_untracked(|map| shown.with_untracked(|shown| at(map, shown, camera_now(), to)));
    let point = move |event: &web_sys::MouseEvent| {
        let rect = frame.get_untracked().map(|frame| frame.get_bounding_client_rect());
        let (left, top) = rect.map_or((0.0, 0.0), |rect| (rect.left(), rect.top()));
        (f64::from(event.client_x()) - left, f64::from(event.client_y()) - top)
    };
    // What is shown around a node differs from everything: it is fitted anew.
    Effect::new(move |before: Option<Vec<bool>>| {
        let nodes = shown.with(|shown| shown.nodes.clone());
        if before.is_some_and(|before| before.len() == nodes.len() && before != nodes) {
            camera.set(None);
        }
        nodes
    });
    Effect::new(move |_| {
        if let (Some(Thing::Node(node)), Some(now)) = (selected.get(), camera.get_untracked()) {
            let (width, height) = size();
            camera.set(Some(map.with_untracked(|map| now.showing(map, node, width, height))));
        }
    });
    let down = move |event: PointerEvent| {
        if event.button() == 0 {
            dragged.set_value(Some((point(&event), false)));
            if let Some(frame) = frame.get_untracked() {
                let _ = frame.set_pointer_capture(event.pointer_id());
            }
        }
    };
    let moved = move |event: PointerEvent| {
        let to = point(&event);
        match dragged.get_value() {
            Some((from, has_moved)) => {
                let by = (to.0 - from.0, to.1 - from.1);
                if has_moved || by.0.abs() + by.1.abs() > 3.0 {
                    if map.with_untracked(|map| map.edges.len() > MANY_EDGES) {
                        if camera.with_untracked(Option::is_none) {
                            camera.set(Some(camera_now()));
                        }
                        shift.update(|shift| *shift = (shift.0 + by.0, shift.1 + by.1));
                    } else {
                        camera.set(Some(camera_now().moved(by)));
                    }
                    dragged.set_value(Some((to, true)));
                }
            }
            None => pointed.set(under(to)),
        }
    };
    let up = move |event: PointerEvent| {
        if let Some((_, false)) = dragged.get_value() {
            select.run(under(point(&event)));
        }
        settle();
        dragged.set_value(None);
    };
    let wheel = move |event: WheelEvent| {
        event.prevent_default();
        let factor = (-event.delta_y() / 400.0).exp();
        camera.set(Some(camera_now().zoomed(factor, point(&event))));
    };
    let key = window_event_listener(leptos::ev::keydown, move |event: KeyboardEvent| {
        let (width, height) = size();
        let middle = (width / 2.0, height / 2.0);
        let next = match keys::page_key(&event).as_deref() {
            Some("+" | "=") => Some(camera_now().zoomed(STEP, middle)),
            Some("-") => Some(camera_now().zoomed(1.0 / STEP, middle)),
            Some("w") => Some(camera_now().moved((0.0, 80.0))),
            Some("s") => Some(camera_now().moved((0.0, -80.0))),
            Some("a") => Some(camera_now().moved((80.0, 0.0))),
            Some("d") => Some(camera_now().moved((-80.0, 0.0))),
            Some("0") => None,
            _ => return,
        };
        event.prevent_default();
        camera.set(next);
    });
    on_cleanup(move || key.remove());
    view! {
        <div
            class="Map-frame"
            class:is-pointing=move || pointed.get().is_some()
            data-testid="map"
            role="img"
            aria-label=move || map.with(|map| summary(map))
            node_ref=frame
            on:pointerdown=down
            on:pointermove=moved
            on:pointerup=up
            on:pointercancel=move |_| {
                settle();
                dragged.set_value(None);
            }
            on:pointerleave=move |_| pointed.set(None)
            on:wheel=wheel
        >
            <div
                class="Map-picture"
                style:transform=move || {
                    let (x, y) = shift.get();
                    if (x, y) == (0.0, 0.0) { "none".to_owned() } else { format!("translate({x}px,{y}px)") }
                }
            >
            <Canvas
                class="Map-canvas"
                track=move || {
                    (map.track(), shown.track(), selected.track(), filter.track(), camera.track(), pointed.track());
                }
                draw=move |surface| {
                    let map = map.get_untracked();
                    let filter = filter.get_untracked().to_lowercase();
                    let found = |node: u32| {
                        filter.is_empty() || map.nodes[node as usize].node.name.to_lowercase().contains(&filter)
                    };
                    let focus = pointed.get_untracked().or(selected.get_untracked());
                    let scene = Scene {
                        near: near(&map, focus),
                        map: &map,
                        shown: &shown.get_untracked(),
                        camera: camera_now(),
                        focus,
                        found: &found,
                        secs: map.end.since(map.start).0 as f64 / 1e9,
                    };
                    draw(surface, &scene);
                }
            />
            </div>
        </div>
    }
}

/// What a picture cannot say to those who do not see it.
fn summary(map: &ServiceMap) -> String {
    format!("{} nodes and {} kinds of calls. The table has the same.", map.nodes.len(), map.edges.len())
}
