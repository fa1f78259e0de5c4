//! `smrtc-loadgen simulate` as a process.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::path::PathBuf;
use std::process::{Command, Output};

const SCENARIO: &str =
    "name = \"narrow\"\nseconds = 4\nsettle = 1\n[forward]\ndelay_ms = 20\nrate_kbps = 800\n";

fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("simulate");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn simulate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_smrtc-loadgen"))
        .arg("simulate")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_scenario_becomes_a_table_a_plot_and_json() {
    let (scenario, json) = (folder().join("narrow.toml"), folder().join("narrow.json"));
    std::fs::write(&scenario, SCENARIO).unwrap();
    let plots = folder().join("plots");
    let output = simulate(&[
        scenario.to_str().unwrap(),
        "--seeds",
        "2",
        "--plot",
        plots.to_str().unwrap(),
        "--json",
        json.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{output:?}");
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.lines().count() == 3 && table.contains("| narrow | "),
        "{table}"
    );
    let plot = std::fs::read_to_string(plots.join("narrow-seed-1.svg")).unwrap();
    assert!(plot.starts_with("<svg ") && plot.matches("<path").count() > 30);
    let json = std::fs::read_to_string(json).unwrap();
    let reports: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(reports.as_array().map(Vec::len), Some(2));
    assert!(reports[0]["flows"][0]["delay_ms"]["p95"].as_f64() > Some(20.0));
}

#[test]
fn a_file_that_is_none_is_a_sentence_and_a_failure() {
    let output = simulate(&["no/such/file.toml"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no/such/file.toml"));
}
