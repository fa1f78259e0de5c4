//! The authority that certifies members' keys, with its rate limit.

use std::sync::{Mutex, PoisonError};

use smrtc_engine::time::{Bitrate, Instant};

use crate::{ca::Authority, forward::Bucket};

/// Certificates per second. Each costs a signature checked and one made: half a millisecond of the
/// gateway's one thread.
const RATE: u64 = 20;

/// Certificates at once, after a pause.
const BURST: u64 = 200;

/// An authority and what it may still issue.
#[derive(Debug)]
pub(super) struct CertificateIssuer {
    pub(super) authority: Authority,
    budget: Mutex<Bucket>,
}

impl CertificateIssuer {
    pub(super) fn new(authority: Authority, now: Instant) -> Self {
        Self {
            authority,
            budget: Mutex::new(Bucket::new(Bitrate::from_bps(RATE * 8), BURST, now)),
        }
    }

    /// Takes one certificate off the budget; false if it is used up.
    pub(super) fn take_budget(&self, now: Instant) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.take(now, 1)
    }
}
