//! The costs of groups, as far as they do not depend on the machine.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::process::Command;

use serde_json::Value;

fn group(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_smrtc-loadgen"))
        .arg("group")
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && !errors.contains("refused"),
        "{errors}"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_leave_costs_each_member_a_constant_for_each_doubling_of_the_room() {
    let report = group(&[
        "--members",
        "8,16,32,64",
        "--suite",
        "p256",
        "--repeat",
        "3",
    ]);
    let bytes =
        |room: usize, what: &str, which: &str| report["rooms"][room][what][which].as_f64().unwrap();
    for doubling in 0..3 {
        let more =
            bytes(doubling + 1, "leave", "commit_bytes") - bytes(doubling, "leave", "commit_bytes");
        // One more level of the tree: a public key of 65 bytes, the path secret for its copath, 120
        // bytes, and two or three more where leaves are blank, of which there are some.
        assert!((0.0..=700.0).contains(&more), "{more} {report}");
        let tree = |room| bytes(room, "join_by_external_commit", "tree_bytes");
        let ratio = tree(doubling + 1) / tree(doubling);
        assert!((1.7..2.3).contains(&ratio), "{ratio} {report}");
    }
    assert!(
        report["growth"][2]["leave_bytes_per_member"]
            .as_f64()
            .unwrap()
            < 16.0
    );
}

#[test]
fn every_suite_is_measured() {
    for (name, id) in [("sm2", "0xf001"), ("sm2-pke", "0xf002"), ("p256", "0x0002")] {
        let report = group(&["--members", "2,5", "--suite", name, "--repeat", "1"]);
        assert_eq!(report["suite"], id);
        assert_eq!(report["rooms"][1]["members"], 5);
        for what in [
            "join_by_welcome",
            "join_by_external_commit",
            "leave",
            "rotation",
        ] {
            let cost = report["rooms"][1][what].as_object().unwrap();
            for (key, value) in cost {
                assert!(value.as_f64().unwrap() > 0.0, "{name} {what} {key}");
            }
        }
    }
}
