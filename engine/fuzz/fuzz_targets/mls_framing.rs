//! The front of an MLS message of any bytes is read or refused.
#![no_main]

use smrtc_engine::control::mls::{Commit, GroupInfo, KeyPackage, welcome_suite};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = KeyPackage::parse(bytes);
    if let Ok(commit) = Commit::parse(bytes) {
        assert!(commit.group_id.len() < bytes.len());
    }
    let _ = GroupInfo::parse(bytes);
    let _ = welcome_suite(bytes);
});
