//! The self-test on demand, and wiping at the end.

use serde::Serialize;
use smrtc_crypto::self_test::{self, Status, Test};
use wasm_bindgen::prelude::*;
use zeroize::Zeroize;

use crate::js;

#[derive(Serialize)]
struct Report {
    status: &'static str,
    tests: Vec<TestReport>,
}

#[derive(Serialize)]
struct TestReport {
    name: &'static str,
    status: &'static str,
}

/// Where the known-answer tests of this instance stand, as a plain object. With `run` all are run
/// first, also those that have run before use; a wrong answer puts the instance into its error
/// state, which refuses everything for good.
#[wasm_bindgen(js_name = selfTest)]
pub fn known_answers(run: bool) -> JsValue {
    if run {
        // What came of it is in the report.
        let _ = self_test::run_all();
    }
    let tests = Test::ALL.into_iter().map(|test| TestReport {
        name: test.name(),
        status: word(test.status()),
    });
    js::to_object(&Report {
        status: word(self_test::status()),
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

fn word(status: Status) -> &'static str {
    match status {
        Status::Untested => "untested",
        Status::Passed => "passed",
        Status::Failed => "failed",
    }
}

/// Of a stack of a megabyte. The calls at the border are few frames deep, so nearly all of it is
/// dead then.
const WIPED_STACK_BYTES: usize = 768 << 10;
