//! Every scenario file is read and runs, and a run is a function of its seed.
#![allow(
    missing_docs,
    reason = "a test program has no readers of its documentation"
)]

use smrtc_sim::scenario::Scenario;
use smrtc_sim::{Simulation, Voice, room};

fn files() -> Vec<(String, Scenario)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let folders = ["", "rfc8867", "rooms", "traces", "parts"].map(|folder| root.join(folder));
    let mut files: Vec<_> = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("the folder is here"))
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    files.sort();
    let read = |path: std::path::PathBuf| {
        let scenario = Scenario::read(&path);
        let name = path.display().to_string();
        (
            name.clone(),
            scenario.unwrap_or_else(|why| panic!("{name}: {why}")),
        )
    };
    files.into_iter().map(read).collect()
}

#[test]
fn every_scenario_file_runs_for_a_while() {
    let voice = Voice::new();
    let files = files();
    assert!(files.len() >= 23);
    for (name, mut scenario) in files {
        scenario.seconds = 6.0;
        scenario.settle = 3.0;
        for case in scenario.cases() {
            let reports = if case.scenario.subscribers.is_empty() {
                vec![Simulation::new(&case, 1, &voice).run()]
            } else {
                room::run(&case, 1, &voice)
            };
            for report in reports {
                assert!(
                    report.flows[0].frames_encoded > 20,
                    "{name}: nothing was sent"
                );
            }
        }
    }
}

#[test]
fn a_clean_path_is_seen_and_heard_without_a_fault() {
    let voice = Voice::new();
    let text = "name = \"clean\"\nseconds = 15\nsettle = 5\n[forward]\ndelay_ms = 25\n";
    let scenario = Scenario::parse(text).unwrap();
    let case = &scenario.cases()[0];
    let report = Simulation::new(case, 1, &voice).run();
    let flow = &report.flows[0];
    assert!(flow.fps > 29.0 && flow.gap_share == 0.0, "{flow:?}");
    assert!(flow.delay_ms.p95 < 40.0, "{:?}", flow.delay_ms);
    assert_eq!((flow.concealed_share, flow.packets_repeated), (0.0, 0));
    let json = |seed| serde_json::to_string(&Simulation::new(case, seed, &voice).run()).unwrap();
    assert_eq!(json(2), json(2));
    assert_ne!(json(2), json(3));
}

#[test]
fn both_controllers_bear_random_loss_and_fill_a_narrow_link_without_flooding_it() {
    let voice = Voice::new();
    for controller in ["delay", "bbr"] {
        let run = |link: &str| {
            let text = format!(
                "name = \"x\"\nseconds = 30\nsettle = 10\n[forward]\ndelay_ms = 25\n{link}\n[engine]\ncontroller = \"{controller}\"\n"
            );
            let scenario = Scenario::parse(&text).expect("it is a scenario");
            Simulation::new(&scenario.cases()[0], 1, &voice).run()
        };
        let lossy = run("loss = 0.3");
        assert!(lossy.forward.lost > 500, "nothing was lost");
        let flow = &lossy.flows[0];
        assert!(
            flow.fps > 27.0 && flow.gap_share < 0.05,
            "{controller}: {flow:?}"
        );
        assert!(flow.concealed_share < 0.03, "{controller}: {flow:?}");
        let narrow = run("rate_kbps = 600");
        let (sent, queue) = (narrow.flows[0].sent_kbps, narrow.forward.queue_ms);
        assert!(
            (400.0..620.0).contains(&sent),
            "{controller}: {sent} kbit/s of 600"
        );
        assert!(queue.p50 < 120.0, "{controller}: {queue:?}");
    }
}
