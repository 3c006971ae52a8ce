//! The component: everything on one canvas, which is dragged and zoomed; over it on another what is pointed at, selected
//! or looked for, so that a glance around draws a few things and not thousands.

use std::sync::Arc;

use leptos::ev::{KeyboardEvent, PointerEvent, WheelEvent};
use leptos::html;
use leptos::prelude::*;
use model::view::ServiceMap;

use super::draw::{Scene, draw, draw_over};
use super::layout::{Camera, Shown, Thing, at};
use crate::browser::keys;
use crate::chart::canvas::Canvas;
use crate::format::lowered;

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
    // Who clicks sees where it is; who goes by keys or by name is taken there.
    let is_clicked = StoredValue::new(false);
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
        let by_click = is_clicked.get_value();
        is_clicked.set_value(false);
        let selected = selected.get().filter(|_| !by_click);
        if selected.is_some() {
            // The pointer still rests where it was left: what was chosen since outranks it until it moves.
            pointed.set(None);
        }
        let Some(Thing::Node(node)) = selected else { return };
        // A part fits as a whole.
        if shown.with_untracked(|shown| shown.nodes.contains(&false)) {
            return;
        }
        let (width, height) = size();
        if width > 1.0 {
            let shown = map.with_untracked(|map| camera_now().showing(map, node, width, height));
            // One that fits everything goes on to do so.
            if shown != camera_now() {
                camera.set(Some(shown));
            }
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
            is_clicked.set_value(true);
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
    let focus = move || pointed.get().or(selected.get());
    let scene = move |paint: &dyn Fn(&Scene<'_>)| {
        let map = map.get_untracked();
        let focus = pointed.get_untracked().or(selected.get_untracked());
        let filter = lowered(&filter.get_untracked());
        let is_found =
            |node: u32| !filter.is_empty() && lowered(&map.nodes[node as usize].node.name).contains(&filter);
        paint(&Scene {
            map: &map,
            shown: &shown.get_untracked(),
            camera: camera_now(),
            focus,
            found: &is_found,
            secs: map.end.since(map.start).0 as f64 / 1e9,
        });
    };
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
                class:is-dimmed=move || focus().is_some() || filter.with(|text| !text.is_empty())
                style:transform=move || {
                    let (x, y) = shift.get();
                    if (x, y) == (0.0, 0.0) { "none".to_owned() } else { format!("translate({x}px,{y}px)") }
                }
            >
            <Canvas
                class="Map-canvas"
                track=move || {
                    (map.track(), shown.track(), camera.track());
                }
                draw=move |surface| scene(&|scene| draw(surface, scene))
            />
            <Canvas
                class="Map-canvas"
                track=move || {
                    (map.track(), shown.track(), selected.track(), filter.track(), camera.track(), pointed.track());
                }
                draw=move |surface| scene(&|scene| draw_over(surface, scene))
            />
            </div>
        </div>
    }
}

/// What a picture cannot say to those who do not see it.
fn summary(map: &ServiceMap) -> String {
    format!("{} nodes and {} kinds of calls. The table has the same.", map.nodes.len(), map.edges.len())
}
