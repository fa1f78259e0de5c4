//! Requests that wait for an answer.

use std::collections::BTreeMap;

use smrtc_engine::control::v1::client_message::Body;

/// The requests of one session, by number.
#[derive(Debug, Default)]
pub(super) struct Requests(BTreeMap<u32, &'static str>);

impl Requests {
    pub(super) fn asked(&mut self, id: u32, what: &'static str) {
        self.0.insert(id, what);
    }

    /// What the answer is to.
    pub(super) fn answered(&mut self, id: u32) -> Option<&'static str> {
        self.0.remove(&id)
    }
}

/// A word for a request, for errors.
pub(super) fn name(body: &Body) -> &'static str {
    match body {
        Body::Join(_) => "join",
        Body::Leave(_) => "leave",
        Body::Publish(_) => "publish",
        Body::Unpublish(_) => "unpublish",
        Body::UpdateTrack(_) => "update track",
        Body::Subscribe(_) => "subscribe",
        Body::Unsubscribe(_) => "unsubscribe",
        _ => "group keys",
    }
}
