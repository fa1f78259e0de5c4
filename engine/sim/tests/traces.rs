//! Recorded bandwidth as links: the traces in the repository are those of their models, and a call
//! lives on them.
#![allow(
    missing_docs,
    reason = "a test program has no readers of its documentation"
)]

use std::path::{Path, PathBuf};

use smrtc_sim::bandwidth::BandwidthTrace;
use smrtc_sim::made_traces::MADE;
use smrtc_sim::scenario::Scenario;
use smrtc_sim::{Simulation, Voice};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/traces")
}

#[test]
fn the_files_are_what_the_models_make() {
    for (name, make) in MADE {
        let file = folder().join(format!("{name}.trace"));
        let text = std::fs::read_to_string(file).expect("the file is here");
        assert!(text == make(), "{name}: run the example `traces`");
        let trace = BandwidthTrace::parse(&text).expect("it is a trace");
        let kbps = trace.mean_rate().as_bps() / 1_000;
        assert!((700..2_000).contains(&kbps), "{name}: {kbps} kbit/s");
    }
}

#[test]
fn a_call_sends_what_a_trace_lets_through_and_each_seed_enters_it_elsewhere() {
    let scenario = Scenario::read(&folder().join("wifi.toml")).expect("it is a scenario");
    let (case, voice) = (&scenario.cases()[0], Voice::new());
    let run = |seed| Simulation::new(case, seed, &voice).run();
    let reports = [run(1), run(2)];
    let capacity = reports
        .each_ref()
        .map(|report| report.forward.capacity_kbps.unwrap());
    assert_ne!(capacity[0], capacity[1]);
    for report in &reports {
        let (flow, link) = (&report.flows[0], &report.forward);
        assert!(link.carried_kbps < link.capacity_kbps.unwrap(), "{link:?}");
        assert!(link.carried_kbps > 400.0, "{link:?}");
        assert!(
            link.queue_ms.p99 > 50.0,
            "the link was never narrow: {link:?}"
        );
        assert!(flow.fps > 10.0 && flow.concealed_share < 0.15, "{flow:?}");
        let rates = report
            .trace
            .samples
            .iter()
            .filter_map(|sample| sample.capacity_kbps);
        assert!(rates.clone().any(|kbps| kbps == 0.0) && rates.clone().any(|kbps| kbps > 2_000.0));
    }
    let json = |seed| serde_json::to_string(&run(seed)).unwrap();
    assert_eq!(json(1), serde_json::to_string(&reports[0]).unwrap());
}

#[test]
fn a_trace_that_is_missing_or_wrong_is_named_with_its_line() {
    let place = std::env::temp_dir().join(format!("smrtc-traces-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let scenario = place.join("a.toml");
    let write = |link: &str| {
        let text = format!("name = \"a\"\nseconds = 20\n[forward]\n{link}\n");
        std::fs::write(&scenario, text).unwrap();
        Scenario::read(&scenario).map_err(|why| why.to_string())
    };
    let missing = write("trace = \"none.trace\"").unwrap_err();
    assert!(missing.contains("none.trace"), "{missing}");
    std::fs::write(place.join("b.trace"), "1\n2\n1\n").unwrap();
    let wrong = write("trace = \"b.trace\"").unwrap_err();
    assert!(wrong.contains("b.trace: line 3"), "{wrong}");
    std::fs::write(place.join("b.trace"), "1\n2\n").unwrap();
    assert!(write("trace = \"b.trace\"").is_ok());
    assert!(write("trace = \"b.trace\"\nrate_kbps = 300").is_err());
    assert!(write("trace = \"b.trace\"\nstep = [{ at = 3, rate_kbps = 300 }]").is_err());
    std::fs::remove_dir_all(&place).unwrap();
}
