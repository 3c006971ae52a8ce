//! A point in time in the zone this person reads, with the full instant behind it.

use leptos::prelude::*;
use model::Timestamp;

use crate::browser::clock::{now, offset_minutes};
use crate::format::clock::{self, Zone};

/// Date and time to the millisecond; pointing at it shows nanoseconds and UTC.
#[component]
pub fn Moment(at: Timestamp) -> impl IntoView {
    let zone = expect_context::<RwSignal<Zone>>();
    let date = move || clock::date(at, offset_minutes(zone.get(), at), now());
    let time = move || clock::time_millis(at, offset_minutes(zone.get(), at));
    let machine = format!("{}T{}Z", &clock::date_field(at, 0)[..10], clock::time_nanos(at, 0));
    let title = machine.clone();
    view! {
        <time class="Moment" datetime=machine title=title>
            <span class="Moment-date">{date}</span>
            " "
            {time}
        </time>
    }
}
