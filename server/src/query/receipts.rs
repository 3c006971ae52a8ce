//! What became of everything that was sent: the doors' counts, added up.

use model::receipt::{Outcome, advice};
use model::view::{ReceiptLine, ReceiptsAsked, ReceiptsReport};
use model::{ApiError, Nanos, Scope, Timestamp};

use super::Queries;
use crate::limits::{HEALTH_MAX_SECS, RECEIPT_LINES_MAX, RECEIPT_STEPS};
use crate::storage::reader::{Plan, ReceiptRow};

const SECS_PER_MINUTE: u64 = 60;
/// How far back one looks unless told otherwise.
const DEFAULT_SECS: u64 = 3_600;

/// A stretch of whole steps of whole minutes, the last of which takes in its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    from_secs: u64,
    step_secs: u64,
    steps: u64,
}

impl Stretch {
    fn of(asked: &ReceiptsAsked, now: Timestamp) -> Result<Stretch, ApiError> {
        let end = asked.end.unwrap_or(now).as_secs();
        let start = asked.start.map_or(end.saturating_sub(DEFAULT_SECS), Timestamp::as_secs);
        if start >= end {
            return Err(ApiError::bad_request("the time range is empty", "start lies before end"));
        }
        if end - start > HEALTH_MAX_SECS {
            let days = HEALTH_MAX_SECS / 86_400;
            let hint = format!("ask about at most {days} days at a time");
            return Err(ApiError::bad_request("the time range is too long", hint));
        }
        let step_secs = (end - start).div_ceil(RECEIPT_STEPS).next_multiple_of(SECS_PER_MINUTE);
        let from_secs = start - start % step_secs;
        Ok(Stretch { from_secs, step_secs, steps: (end - from_secs).div_ceil(step_secs).max(1) })
    }
}

fn bound(scope: &Scope, sql: &str, asked: &ReceiptsAsked, stretch: Stretch) -> Plan {
    let to = stretch.from_secs + stretch.steps * stretch.step_secs;
    Plan::new(scope, sql)
        .bind("from", stretch.from_secs)
        .bind("to", to)
        .bind("service", asked.service.as_deref().unwrap_or_default())
        .bind("any_service", u8::from(asked.service.is_none()))
        .bind("key", asked.key.as_deref().unwrap_or_default())
        .bind("any_key", u8::from(asked.key.is_none()))
}

const FROM_RECEIPTS: &str = "FROM receipts WHERE tenant = {tenant:String}
        AND minute >= toDateTime({from:UInt32}, 'UTC') AND minute < toDateTime({to:UInt32}, 'UTC')
        AND ({any_service:UInt8} = 1 OR service = {service:String})
        AND ({any_key:UInt8} = 1 OR key = {key:String})";

/// What was stored comes last: an answer that is cut off must show what was lost.
fn lines_plan(scope: &Scope, asked: &ReceiptsAsked, stretch: Stretch) -> Plan {
    let sql = format!(
        "SELECT outcome, reason, service, key, door, kind, sum(receipts.items) AS items,
            sum(receipts.requests) AS requests, max(receipts.example) AS example,
            toUnixTimestamp(max(minute)) AS last_secs,
            sumMap(map(toUInt16(intDiv(toUnixTimestamp(minute) - {{from:UInt32}}, {{step:UInt32}})),
                receipts.items)) AS item_points,
            sumMap(map(toUInt16(intDiv(toUnixTimestamp(minute) - {{from:UInt32}}, {{step:UInt32}})),
                receipts.requests)) AS request_points
         {FROM_RECEIPTS} AND ({{outcome:String}} = '' OR outcome = {{outcome:String}})
         GROUP BY outcome, reason, service, key, door, kind
         ORDER BY outcome = 'accepted', items DESC, requests DESC, outcome, reason, service, key, door, kind
         LIMIT {{limit:UInt64}}"
    );
    bound(scope, &sql, asked, stretch)
        .bind("step", stretch.step_secs)
        .bind("outcome", asked.outcome.map_or("", Outcome::name))
        .bind("limit", RECEIPT_LINES_MAX + 1)
}

fn totals_plan(scope: &Scope, asked: &ReceiptsAsked, stretch: Stretch) -> Plan {
    let sql = format!("SELECT outcome, sum(receipts.items) AS items {FROM_RECEIPTS} GROUP BY outcome");
    bound(scope, &sql, asked, stretch)
}

impl Queries {
    pub async fn receipts(
        &self,
        scope: &Scope,
        asked: &ReceiptsAsked,
        now: Timestamp,
    ) -> Result<ReceiptsReport, ApiError> {
        let stretch = Stretch::of(asked, now)?;
        // One after the other: asked at once, the lines might lack what the sums have.
        let totals = self.reader.receipt_totals(&totals_plan(scope, asked, stretch)).await?;
        let rows = self.reader.receipts(&lines_plan(scope, asked, stretch)).await?;
        let complete = rows.len() <= RECEIPT_LINES_MAX;
        if !complete {
            self.reached.note("receipt_lines");
        }
        let mut lines: Vec<ReceiptLine> = rows
            .into_iter()
            .take(RECEIPT_LINES_MAX)
            .filter_map(|row| line(row, stretch.steps as usize))
            .collect();
        lines.sort_by_key(|line| {
            !line.outcome.is_loss() as u8 + 2 * u8::from(line.outcome == Outcome::Accepted)
        });
        let mut totals: Vec<(Outcome, u64)> = totals
            .into_iter()
            .filter_map(|(outcome, items)| Outcome::of_name(&outcome).map(|outcome| (outcome, items)))
            .collect();
        totals.sort_by_key(|(outcome, _)| *outcome);
        Ok(ReceiptsReport {
            start: Timestamp::from_secs(stretch.from_secs),
            step: Nanos::from_secs(stretch.step_secs),
            lines,
            complete,
            totals,
        })
    }
}

/// None for an outcome of a later version.
fn line(row: ReceiptRow, steps: usize) -> Option<ReceiptLine> {
    let outcome = Outcome::of_name(&row.outcome)?;
    let mut points = vec![0; steps];
    // A request that was not read so far has no items to draw.
    let drawn = if row.items > 0 { row.item_points } else { row.request_points };
    for (step, count) in drawn {
        if let Some(point) = points.get_mut(usize::from(step)) {
            *point += count;
        }
    }
    Some(ReceiptLine {
        outcome,
        advice: advice(outcome, &row.reason),
        reason: row.reason,
        service: row.service,
        key: row.key,
        door: row.door,
        kind: row.kind,
        items: row.items,
        requests: row.requests,
        example: row.example,
        last: Timestamp::from_secs(row.last_secs.into()),
        points,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(start: Option<u64>, end: Option<u64>) -> ReceiptsAsked {
        let time = |secs: Option<u64>| secs.map(Timestamp::from_secs);
        ReceiptsAsked { start: time(start), end: time(end), ..ReceiptsAsked::default() }
    }

    #[test]
    fn steps_are_whole_minutes_and_take_in_all_that_is_asked_about() {
        let now = Timestamp::from_secs(1_700_000_123);
        for (start, end) in
            [(None, None), (Some(1_699_000_001), None), (Some(59), Some(61)), (Some(0), Some(9))]
        {
            let stretch = Stretch::of(&asked(start, end), now).unwrap();
            let end = end.unwrap_or(now.as_secs());
            let to = stretch.from_secs + stretch.steps * stretch.step_secs;
            assert!(
                stretch.step_secs.is_multiple_of(60) && stretch.steps <= RECEIPT_STEPS + 2,
                "{stretch:?}"
            );
            assert!(stretch.from_secs <= start.unwrap_or_else(|| end - 3_600) && end <= to, "{stretch:?}");
        }
        assert_eq!(Stretch::of(&asked(None, None), now).unwrap().step_secs, 60);
        assert!(Stretch::of(&asked(Some(5), Some(5)), now).is_err());
        assert!(Stretch::of(&asked(Some(0), None), now).is_err());
    }
}
