//! Many runs of the same case in one line: the median and the worst seed.

use crate::report::{FlowReport, Report};

const HEAD: &str = "\
| case | frames/s | in gaps > 200 ms | longest gap | full again | delay p50 | delay p95 | sound concealed | sound's buffer | encoded | sent | queue p95 |
|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// A Markdown table of all cases, in the order they come; each cell is the median over seeds (and calls), then the worst.
pub fn markdown(reports: &[Report]) -> String {
    let mut cases: Vec<&str> = Vec::new();
    for report in reports {
        if !cases.contains(&report.case.as_str()) {
            cases.push(&report.case);
        }
    }
    let rows = cases.into_iter().map(|case| {
        let runs: Vec<&Report> = reports
            .iter()
            .filter(|report| report.case == case)
            .collect();
        row(case, &runs)
    });
    HEAD.to_owned() + &rows.collect::<String>()
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
