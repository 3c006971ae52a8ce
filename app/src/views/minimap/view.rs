//! The component: the strip on one canvas, drawn once; the window over it on another, drawn as it moves.

use leptos::prelude::*;

use super::draw;
use crate::chart::Window;
use crate::chart::canvas::Canvas;
use crate::chart::time_strip::TimeStrip;
use crate::views::stage::Stage;

#[component]
pub fn Minimap(stage: Stage) -> impl IntoView {
    let total_ns = stage.total_ns();
    let whole = Window::whole(total_ns);
    let brush = RwSignal::new(None::<Window>);
    let grip = move || Some(stage.window.get()).filter(|window| !window.is_whole(total_ns));
    let staged = stage.staged();
    view! {
        <TimeStrip
            class="Minimap"
            title="Drag to zoom in, double click for the whole trace"
            shown=Signal::derive(move || whole)
            grip=Signal::derive(grip)
            brush=brush
            on_window=move |window| stage.set_window(window)
            on_reset=move |()| stage.zoom_out()
        >
            <Canvas class="Minimap-strip" track=|| () draw=move |surface| draw::strip(surface, &staged) />
            <Canvas
                class="Minimap-window"
                track=move || {
                    stage.window.track();
                    stage.cursor.track();
                    brush.track();
                }
                draw=move |surface| {
                    let window = brush.get_untracked().unwrap_or_else(|| stage.window.get_untracked());
                    draw::window(surface, &stage.staged(), window, stage.cursor.get_untracked());
                }
            />
        </TimeStrip>
    }
}
