//! Many runs of the same case in one line: the median and the worst seed.

use crate::report::{FlowReport, Report};

const HEAD: &str = "\
| case | frames/s | in gaps > 200 ms | longest gap | full again | delay p50 | delay p95 | audio concealed | audio's buffer | encoded | sent | queue p95 |
|---|---|---|---|---|---|---|---|---|---|---|---|
";

const ROOM_HEAD: &str = "\
| subscribers | frames/s | in gaps > 200 ms | longest gap | delay p50 | delay p95 | audio concealed | largest size | size changes | received | queue p95 |
|---|---|---|---|---|---|---|---|---|---|---|
";

/// A Markdown table of all cases, in the order they come; each cell is the median over seeds (and
/// calls), then the worst. Those behind a gateway have a table of their own.
pub fn markdown(reports: &[Report]) -> String {
    let behind_gateway = |report: &&Report| report.flows.iter().any(|flow| flow.room.is_some());
    let (rooms, pairs): (Vec<&Report>, Vec<&Report>) = reports.iter().partition(behind_gateway);
    let tables = [(HEAD, pairs, row as Row), (ROOM_HEAD, rooms, room_row)];
    let tables = tables
        .into_iter()
        .filter(|(_, reports, _)| !reports.is_empty());
    let tables: Vec<_> = tables
        .map(|(head, reports, row)| table(head, &reports, row))
        .collect();
    tables.join("\n")
}

type Row = fn(&str, &[&Report]) -> String;

fn table(head: &str, reports: &[&Report], row: Row) -> String {
    let mut cases: Vec<&str> = Vec::new();
    for report in reports {
        if !cases.contains(&report.case.as_str()) {
            cases.push(&report.case);
        }
    }
    let rows = cases.into_iter().map(|case| {
        let of_case = reports.iter().copied().filter(|report| report.case == case);
        row(case, &of_case.collect::<Vec<_>>())
    });
    head.to_owned() + &rows.collect::<String>()
}

fn room_row(case: &str, runs: &[&Report]) -> String {
    let flows: Vec<&FlowReport> = runs.iter().flat_map(|run| &run.flows).collect();
    let of = |value: &dyn Fn(&FlowReport) -> f64| flows.iter().map(|flow| value(flow)).collect();
    let room = |flow: &FlowReport| flow.room.unwrap_or_default();
    let high = |values: Vec<f64>| cell(values, false);
    let low = |values: Vec<f64>| cell(values, true);
    let cells = [
        low(of(&|flow| flow.fps)),
        high(of(&|flow| flow.gap_share * 100.0)) + " %",
        high(of(&|flow| flow.longest_gap_ms)) + " ms",
        high(of(&|flow| flow.delay_ms.p50)),
        high(of(&|flow| flow.delay_ms.p95)) + " ms",
        high(of(&|flow| flow.concealed_share * 100.0)) + " %",
        low(of(&|flow| room(flow).large_share * 100.0)) + " %",
        high(of(&|flow| room(flow).size_changes as f64)),
        high(of(&|flow| flow.sent_kbps)) + " kbit/s",
        high(runs.iter().map(|run| run.forward.queue_ms.p95).collect()) + " ms",
    ];
    format!("| {case} | {} |\n", cells.join(" | "))
}

fn row(case: &str, runs: &[&Report]) -> String {
    let flows: Vec<&FlowReport> = runs.iter().flat_map(|run| &run.flows).collect();
    let of = |value: &dyn Fn(&FlowReport) -> f64| flows.iter().map(|flow| value(flow)).collect();
    let high = |values: Vec<f64>| cell(values, false);
    let low = |values: Vec<f64>| cell(values, true);
    let cells = [
        low(of(&|flow| flow.fps)),
        high(of(&|flow| flow.gap_share * 100.0)) + " %",
        high(of(&|flow| flow.longest_gap_ms)) + " ms",
        full_again(&flows),
        high(of(&|flow| flow.delay_ms.p50)),
        high(of(&|flow| flow.delay_ms.p95)) + " ms",
        high(of(&|flow| flow.concealed_share * 100.0)) + " %",
        high(of(&|flow| flow.audio_delay_ms)) + " ms",
        low(of(&|flow| flow.encoded_kbps)),
        high(of(&|flow| flow.sent_kbps)) + " kbit/s",
        high(runs.iter().map(|run| run.forward.queue_ms.p95).collect()) + " ms",
    ];
    format!("| {case} | {} |\n", cells.join(" | "))
}

/// After the last change of the link; only where there is one.
fn full_again(flows: &[&FlowReport]) -> String {
    let times: Vec<f64> = flows.iter().filter_map(|flow| flow.full_again_s).collect();
    let never = flows.len() - times.len();
    match (times.is_empty(), never) {
        (true, _) => "–".to_owned(),
        (false, 0) => cell(times, false) + " s",
        (false, never) => format!("{} s, {never} never", cell(times, false)),
    }
}

/// The median and the worst of `values`.
fn cell(mut values: Vec<f64>, low_is_bad: bool) -> String {
    values.sort_by(f64::total_cmp);
    let median = values.get(values.len() / 2).copied().unwrap_or(0.0);
    let worst = if low_is_bad {
        values.first()
    } else {
        values.last()
    };
    format!(
        "{} ({})",
        short(median),
        short(worst.copied().unwrap_or(0.0))
    )
}

fn short(value: f64) -> String {
    if value >= 9.95 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_the_median_and_the_worst() {
        assert_eq!(cell(vec![3.0, 1.0, 20.0], false), "3.0 (20)");
        assert_eq!(cell(vec![3.0, 1.0, 20.0], true), "3.0 (1.0)");
        assert_eq!(cell(vec![], true), "0.0 (0.0)");
    }
}
