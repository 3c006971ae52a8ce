//! The component: the strip on one canvas, drawn once; the window over it on another, drawn as it moves.

use leptos::prelude::*;

use super::draw;
use crate::chart::Window;
use crate::chart::canvas::Canvas;
use crate::chart::time_strip::TimeStrip;
use crate::views::stage::Stage;

#[component]
pub fn Minimap(stage: Stage) -> impl IntoView {
    let total_ns = Memo::new(move |_| {
        stage.folds.track();
        stage.total_ns()
    });
    let brush = RwSignal::new(None::<Window>);
    let grip = move || Some(stage.window.get()).filter(|window| !window.is_whole(total_ns.get()));
    let staged = stage.staged();
    view! {
        <TimeStrip
            class="Minimap"
            title="Drag to zoom in, double click for the whole trace"
            shown=Signal::derive(move || Window::whole(total_ns.get()))
            grip=Signal::derive(grip)
            brush=brush
            on_window=move |window| stage.set_window(window)
            on_reset=move |()| stage.zoom_out()
        >
            <Canvas class="Minimap-strip" is_costly=true track=move || drop(stage.folds.read()) draw=move |surface| draw::strip(surface, &staged, &stage.folds.get_untracked()) />
            <Canvas
                class="Minimap-window"
                track=move || {
                    stage.window.track();
                    stage.cursor.track();
                    brush.track();
                }
                draw=move |surface| {
                    let window = brush.get_untracked().unwrap_or_else(|| stage.window.get_untracked());
                    let cursor = stage.cursor.get_untracked().map(|row| stage.extent(row));
                    draw::window(surface, stage.total_ns(), window, cursor);
                }
            />
        </TimeStrip>
    }
}
