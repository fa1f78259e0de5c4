//! Draws a run: rates, delays and queues over time. Scalable vector graphics (SVG
//! 1.1), one file for a run.

use std::fmt::Write as _;

use crate::report::Report;
use crate::trace::{FlowSample, Sample};

const WIDTH: f64 = 960.0;
const PANEL_HEIGHT: f64 = 210.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 44.0;
const GAP: f64 = 46.0;
/// The palette of Okabe and Ito, which most people with colour blindness can tell apart.
const COLOURS: [&str; 6] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
];
const CAPACITY: &str = "#999999";
/// The most calls that are drawn.
const MAX_FLOWS: usize = 6;

/// One line or cloud of points.
struct Series {
    name: String,
    colour: &'static str,
    /// Stepped lines are for what changes at once.
    shape: Shape,
    points: Vec<(f64, f64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Line,
    Thin,
    Step,
    Dots,
}

struct Panel {
    title: &'static str,
    series: Vec<Series>,
}

/// Draws a run.
pub fn svg(report: &Report) -> String {
    let panels = [rates(report), delays(report), buffers(report)];
    let seconds = report
        .trace
        .samples
        .last()
        .map_or(1.0, |sample| sample.at.max(1.0));
    let height = TOP + panels.len() as f64 * (PANEL_HEIGHT + GAP);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{}, seed {}</text>\n",
        escaped(&report.case),
        report.seed
    );
    for (panel, row) in panels.iter().zip(0..) {
        let top = TOP + f64::from(row) * (PANEL_HEIGHT + GAP);
        draw(&mut out, panel, top, seconds);
    }
    out.push_str("</svg>\n");
    out
}

/// The name of the file of a report.
pub fn file_name(report: &Report) -> String {
    let word = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = report.case.chars().map(word).collect();
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).collect();
    format!("{}-seed-{}.svg", parts.join("-"), report.seed)
}

fn rates(report: &Report) -> Panel {
    let capacity = over_time(report, |sample| sample.capacity_kbps);
    let mut series = Vec::new();
    if !capacity.is_empty() {
        series.push(Series {
            name: "link".to_owned(),
            colour: CAPACITY,
            shape: Shape::Step,
            points: capacity,
        });
    }
    let count = report.flows.len().min(MAX_FLOWS);
    for flow in 0..count {
        let of = |value: fn(&FlowSample) -> f64| {
            over_time(report, |sample| sample.flows.get(flow).map(value))
        };
        let mut add = |name: &str, at: usize, shape, points| {
            let (name, colour) = labelled(name, flow, count, at);
            series.push(Series {
                name,
                colour,
                shape,
                points,
            });
        };
        add("sent", 4, Shape::Thin, of(|flow| flow.sent_kbps));
        add("allowed", 0, Shape::Line, of(|flow| flow.target_kbps));
        if count == 1 {
            add("to encode", 2, Shape::Line, of(|flow| flow.encoder_kbps));
        }
    }
    Panel {
        title: "kbit/s",
        series,
    }
}

fn delays(report: &Report) -> Panel {
    let count = report.flows.len().min(MAX_FLOWS);
    let flows = report.trace.frames.iter().take(MAX_FLOWS).enumerate();
    let series = flows.map(|(flow, frames)| {
        let (name, colour) = labelled("frame", flow, count, 0);
        let points = frames.iter().map(|frame| (frame.shown, frame.delay_ms));
        Series {
            name,
            colour,
            shape: Shape::Dots,
            points: points.collect(),
        }
    });
    Panel {
        title: "ms from capture to display, one dot for each frame",
        series: series.collect(),
    }
}

fn buffers(report: &Report) -> Panel {
    let count = report.flows.len().min(MAX_FLOWS);
    let mut series = vec![Series {
        name: "link's queue".to_owned(),
        colour: CAPACITY,
        shape: Shape::Thin,
        points: over_time(report, |sample| Some(sample.queue_ms)),
    }];
    for flow in 0..count {
        let (name, colour) = labelled("audio waits", flow, count, 1);
        let points = over_time(report, |sample| {
            sample.flows.get(flow).map(|flow| flow.audio_target_ms)
        });
        series.push(Series {
            name,
            colour,
            shape: Shape::Line,
            points,
        });
    }
    Panel {
        title: "ms waiting",
        series,
    }
}

fn over_time(report: &Report, value: impl Fn(&Sample) -> Option<f64>) -> Vec<(f64, f64)> {
    let samples = report.trace.samples.iter();
    samples
        .filter_map(|sample| value(sample).map(|value| (sample.at, value)))
        .collect()
}

/// With one call each line has a colour of its own, with several each call has.
fn labelled(name: &str, flow: usize, count: usize, at: usize) -> (String, &'static str) {
    if count == 1 {
        (name.to_owned(), COLOURS[at % COLOURS.len()])
    } else {
        (
            format!("{name} {}", flow + 1),
            COLOURS[flow % COLOURS.len()],
        )
    }
}

fn draw(out: &mut String, panel: &Panel, top: f64, seconds: f64) {
    let values = panel.series.iter().flat_map(|series| &series.points);
    let most = values.map(|&(_, value)| value).fold(1.0, f64::max);
    let step = round_step(most / 4.0);
    let limit = (most / step).ceil() * step;
    let (width, bottom) = (WIDTH - LEFT - RIGHT, top + PANEL_HEIGHT);
    let x = |at: f64| LEFT + at / seconds * width;
    let y = |value: f64| bottom - (value / limit).clamp(0.0, 1.0) * PANEL_HEIGHT;
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = out.write_fmt(text);
        out.push('\n');
    };
    line(format_args!(
        "<text x=\"{LEFT}\" y=\"{}\" fill=\"#444\">{}</text>",
        top - 6.0,
        panel.title
    ));
    for n in 0..=(limit / step).round() as u32 {
        let (value, at) = (f64::from(n) * step, y(f64::from(n) * step));
        line(format_args!(
            "<path d=\"M{LEFT} {at:.1}h{width}\" stroke=\"#ddd\"/>"
        ));
        line(format_args!(
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#444\">{value}</text>",
            LEFT - 6.0,
            at + 4.0
        ));
    }
    let tick = round_step(seconds / 10.0);
    for n in 0..=(seconds / tick) as u32 {
        let at = f64::from(n) * tick;
        line(format_args!(
            "<path d=\"M{:.1} {bottom}v4\" stroke=\"#888\"/>",
            x(at)
        ));
        line(format_args!(
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#444\">{at} s</text>",
            x(at),
            bottom + 17.0
        ));
    }
    for (series, row) in panel.series.iter().zip(0..) {
        let (colour, at) = (series.colour, top + 10.0 + f64::from(row) * 16.0);
        let from = LEFT + width + 12.0;
        line(format_args!(
            "<path d=\"M{from} {at}h16\" stroke=\"{colour}\" stroke-width=\"3\"/>"
        ));
        line(format_args!(
            "<text x=\"{}\" y=\"{}\">{}</text>",
            from + 22.0,
            at + 4.0,
            series.name
        ));
        let stroke = if series.shape == Shape::Line {
            1.6
        } else {
            1.0
        };
        line(format_args!(
            "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" {}/>",
            path(series, x, y),
            match series.shape {
                Shape::Dots => "stroke-width=\"2.4\" stroke-linecap=\"round\"".to_owned(),
                _ => format!("stroke-width=\"{stroke}\""),
            }
        ));
    }
}

fn path(series: &Series, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    for (n, &(at, value)) in series.points.iter().enumerate() {
        let (x, y) = (x(at), y(value));
        let _ = match series.shape {
            // A stroke without length with round ends is a dot.
            Shape::Dots => write!(path, "M{x:.1} {y:.1}h0"),
            _ if n == 0 => write!(path, "M{x:.1} {y:.1}"),
            Shape::Step => write!(path, "H{x:.1}V{y:.1}"),
            _ => write!(path, "L{x:.1} {y:.1}"),
        };
    }
    path
}

/// 1, 2 or 5 times a power of ten, not less than `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|&step| step >= least)
        .unwrap_or(power * 10.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FlowReport, LinkReport};
    use crate::trace::{ShownFrame, Trace};

    fn report() -> Report {
        let sample = |at: f64| Sample {
            at,
            capacity_kbps: Some(if at < 1.0 { 2_000.0 } else { 300.0 }),
            queue_ms: 7.0,
            flows: vec![FlowSample {
                target_kbps: 900.0,
                ..FlowSample::default()
            }],
        };
        Report {
            case: "2 M, 300 k <& back>".to_owned(),
            seed: 4,
            seconds: 2.0,
            flows: vec![FlowReport::default()],
            forward: LinkReport::default(),
            back: LinkReport::default(),
            fairness: 1.0,
            trace: Trace {
                samples: (0..10).map(|n| sample(f64::from(n) * 0.2)).collect(),
                frames: vec![vec![ShownFrame {
                    shown: 0.5,
                    delay_ms: 40.0,
                }]],
            },
        }
    }

    #[test]
    fn a_run_is_three_panels_in_well_formed_markup() {
        let svg = svg(&report());
        assert!(svg.contains("2 M, 300 k &lt;&amp; back>, seed 4"));
        for name in ["link", "allowed", "to encode", "frame", "audio waits"] {
            assert!(svg.contains(&format!(">{name}</text>")), "{name}");
        }
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        assert_eq!(file_name(&report()), "2-m-300-k-back-seed-4.svg");
    }

    #[test]
    fn an_empty_run_is_drawn_too() {
        let empty = Report {
            trace: Trace::default(),
            ..report()
        };
        assert!(svg(&empty).ends_with("</svg>\n"));
    }

    #[test]
    fn axes_have_round_steps() {
        assert_eq!(
            [0.3, 1.0, 1.1, 6.0, 240.0].map(round_step),
            [0.5, 1.0, 2.0, 10.0, 500.0]
        );
    }
}
