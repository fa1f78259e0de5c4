//! Behind a gateway: each subscriber has what its own path bears, and none pays for another.
#![allow(
    missing_docs,
    reason = "a test program has no readers of its documentation"
)]

use smrtc_sim::report::Report;
use smrtc_sim::scenario::Scenario;
use smrtc_sim::{Voice, room};

/// One report for each kind of subscriber in a file of `scenarios/rooms`, in its order.
fn reports(file: &str) -> Vec<Report> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/rooms");
    let text = std::fs::read_to_string(folder.join(file)).expect("the file is here");
    let scenario = Scenario::parse(&text).expect("it is a scenario");
    let reports = room::run(&scenario.cases()[0], 1, &Voice::new());
    for report in &reports {
        for flow in &report.flows {
            println!("{}: {flow:?}", report.case);
        }
    }
    reports
}

#[test]
fn a_slow_subscriber_gets_all_of_the_small_frames_and_hurts_nobody() {
    let [fast, slow] = &reports("one_slow.toml")[..] else {
        panic!("two kinds of subscribers")
    };
    assert_eq!((fast.flows.len(), slow.flows.len()), (4, 1));
    for flow in &fast.flows {
        assert!(flow.fps > 29.0 && flow.gap_share == 0.0, "{flow:?}");
        assert!(flow.delay_ms.p95 < 40.0, "{flow:?}");
        assert_eq!(flow.room.unwrap().large_share, 1.0);
    }
    let flow = &slow.flows[0];
    // At the rate of the small size there are 23 a second. Probes of the large one cost some delay,
    // and no frame.
    assert!(flow.fps > 22.5 && flow.gap_share == 0.0, "{flow:?}");
    assert!(flow.delay_ms.p95 < 150.0, "{flow:?}");
    let room = flow.room.unwrap();
    assert_eq!((room.large_share, room.size_changes), (0.0, 0));
    assert!(room.layer_switches <= 3, "{room:?}");
}

#[test]
fn each_path_gets_the_repair_packets_that_it_needs_and_a_wide_one_the_large_frames() {
    let reports = reports("lossy.toml");
    let repairs = |report: &Report| report.flows[0].repair_packets;
    let clean = &reports[0];
    assert!(clean.flows[0].fps > 29.0);
    for lossy in &reports[1..] {
        let flow = &lossy.flows[0];
        assert!(lossy.forward.lost > 500, "nothing was lost");
        assert!(repairs(clean) * 20 < repairs(lossy), "{}", lossy.case);
        assert!(flow.fps > 25.0 && flow.gap_share < 0.05, "{flow:?}");
        // At 50 % what the large size takes with its repairs is more than the path is known to bear
        // for some of the time.
        let least = if lossy.case.ends_with("50 %") {
            0.3
        } else {
            0.9
        };
        assert!(flow.room.unwrap().large_share > least, "{flow:?}");
        // The publisher's path loses nothing, so the copies are the gateway's.
        assert!(flow.concealed_share < 0.01, "{flow:?}");
    }
    assert!(repairs(&reports[1]) * 3 < repairs(&reports[2]) * 2);
}

#[test]
fn the_size_follows_a_path_that_narrows_and_widens_and_does_not_swing() {
    let [steps, turns] = &reports("narrowing.toml")[..] else {
        panic!("two kinds of subscribers")
    };
    let flow = &steps.flows[0];
    let room = flow.room.unwrap();
    assert_eq!(room.size_changes, 2, "{flow:?}");
    assert!((0.5..0.9).contains(&room.large_share), "{flow:?}");
    assert!(flow.longest_gap_ms < 600.0, "{flow:?}");
    assert!(turns.flows[0].room.unwrap().size_changes <= 2);
    assert!(turns.flows[0].gap_share < 0.02);
}

#[test]
fn the_large_size_comes_when_the_path_of_its_publisher_has_widened() {
    let [viewer] = &reports("narrow_publisher.toml")[..] else {
        panic!("one kind of subscriber")
    };
    let flow = &viewer.flows[0];
    let room = flow.room.unwrap();
    // It is wide for 30 of the 70 seconds that are looked at.
    assert_eq!(room.size_changes, 2, "{flow:?}");
    assert!((0.37..0.46).contains(&room.large_share), "{flow:?}");
    assert!(
        flow.concealed_share < 0.02 && flow.longest_gap_ms < 1_500.0,
        "{flow:?}"
    );
}

#[test]
fn a_path_that_does_not_bear_the_only_size_gets_what_fits_and_others_keep_theirs() {
    let reports = reports("one_size.toml");
    let flow = |n: usize| &reports[n].flows[0];
    assert!(flow(0).fps > 29.0 && flow(0).gap_share == 0.0);
    // Key frames for the slow ones cost the fast one less than a quarter.
    assert!(flow(0).sent_kbps < 800.0, "{:?}", flow(0));
    for (slow, least) in [(flow(1), 13.0), (flow(2), 6.0), (flow(3), 0.8)] {
        assert!(slow.fps > least, "{slow:?}");
        assert!(slow.concealed_share < 0.01, "{slow:?}");
    }
    // What goes out can be decoded, so that little of the path is wasted.
    assert!(flow(1).frames_undecodable + flow(1).frames_lost < 20);
}

#[test]
fn a_path_that_bears_every_second_frame_gets_them_without_gaps() {
    let whole = reports("one_size.toml");
    let layered = reports("one_size_layers.toml");
    let flow = |reports: &[Report]| reports[1].flows[0].clone();
    assert!(flow(&whole).gap_share > 0.3, "it bears all frames");
    let slow = flow(&layered);
    assert!(slow.fps > 14.0 && slow.gap_share < 0.06, "{slow:?}");
    assert!(layered[0].flows[0].fps > 29.0);
}

#[test]
fn a_room_is_a_function_of_its_seed() {
    let text = r#"
        name = "room"
        seconds = 6
        settle = 2
        [forward]
        delay_ms = 10
        loss = 0.1
        [[subscriber]]
        name = "one"
        forward = { delay_ms = 10, loss = 0.1 }
    "#;
    let scenario = Scenario::parse(text).unwrap();
    let case = &scenario.cases()[0];
    let voice = Voice::new();
    let json = |seed| serde_json::to_string(&room::run(case, seed, &voice)).unwrap();
    assert_eq!(json(2), json(2));
    assert_ne!(json(2), json(3));
}
