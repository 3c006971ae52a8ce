//! Where a service's time goes: who holds its calls up, a bar each.
//!
//! For tests: `[data-testid=time-share]` with `data-name`.

use leptos::prelude::*;
use model::view::TimeShare;

use crate::format::duration;
use crate::url::ServicesView;
use crate::widgets::service::ServiceName;

/// More are told together.
const SHOWN: usize = 6;

pub fn shares(of: &[TimeShare]) -> impl IntoView + use<> {
    let all: u64 = of.iter().map(|share| share.a_call.0).sum();
    let line = |share: &TimeShare| {
        let width = format!("{}%", share.a_call.0 * 100 / all.max(1));
        let href = ServicesView::default().url(Some(&share.service));
        view! {
            <li class="TimeShare" data-testid="time-share" data-name=share.service.clone()>
                <a class="TimeShare-name" href=href><ServiceName name=share.service.clone() /></a>
                <span class="TimeShare-bar"><i style:width=width></i></span>
                <span class="TimeShare-length">{duration(share.a_call)}</span>
            </li>
        }
    };
    let rest: u64 = of.iter().skip(SHOWN).map(|share| share.a_call.0).sum();
    let rest = (rest > 0).then(|| {
        let text = format!("{} in {} others", duration(model::Nanos(rest)), of.len() - SHOWN);
        view! { <li class="TimeShare Services-note">{text}</li> }
    });
    let lines: Vec<_> = of.iter().take(SHOWN).map(line).collect();
    let empty =
        of.is_empty().then(|| view! { <p class="Services-note">"Known once traces are settled."</p> });
    view! { <ul class="TimeShares">{lines} {rest}</ul> {empty} }
}
