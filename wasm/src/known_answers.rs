//! The self-test on demand, and wiping at the end.

use serde::Serialize;
use smrtc_crypto::self_test::{self, Status, Test};
use wasm_bindgen::prelude::*;
use zeroize::Zeroize;

use crate::js;

/// Where the known-answer tests stand.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "SelfTest"))]
pub(crate) struct Report {
    status: StatusName,
    tests: Vec<TestReport>,
}

/// Where one of them stands.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
struct TestReport {
    name: &'static str,
    status: StatusName,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
enum StatusName {
    Untested,
    Passed,
    Failed,
}

/// Where the known-answer tests of this instance stand, as a plain object. With `run` all are run
/// first, also those that have run before use; a wrong answer puts the instance into its error
/// state, which refuses everything for good.
#[wasm_bindgen(js_name = selfTest, unchecked_return_type = "engine.SelfTest")]
pub fn known_answers(run: bool) -> JsValue {
    if run {
        // What came of it is in the report.
        let _ = self_test::run_all();
    }
    let tests = Test::ALL.into_iter().map(|test| TestReport {
        name: test.name(),
        status: name(test.status()),
    });
    js::to_object(&Report {
        status: name(self_test::status()),
        tests: tests.collect(),
    })
}

/// Overwrites what calls that have returned left on the stack; the last call into an instance whose
/// engine is freed.
#[wasm_bindgen(js_name = wipeStack)]
#[inline(never)]
pub fn wipe_stack() {
    let mut dead = [0u8; WIPED_STACK_BYTES];
    dead.zeroize();
    std::hint::black_box(&dead);
}

fn name(status: Status) -> StatusName {
    match status {
        Status::Untested => StatusName::Untested,
        Status::Passed => StatusName::Passed,
        Status::Failed => StatusName::Failed,
    }
}

/// Of a stack of a megabyte. The calls at the border are few frames deep, so nearly all of it is
/// dead then.
const WIPED_STACK_BYTES: usize = 768 << 10;
