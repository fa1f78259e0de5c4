use std::collections::BTreeMap;

use ring::digest;

use super::Member;

/// The attach tickets of a node: whose each is.
///
/// Kept as SHA-256: looking a ticket up by its secret bytes could tell them by time.
#[derive(Debug, Default)]
pub(crate) struct Tickets(BTreeMap<[u8; 32], Member>);

impl Tickets {
    /// Gives a ticket to a member. Returns what [`Self::remove`] needs.
    pub(super) fn insert(&mut self, ticket: &[u8], member: Member) -> [u8; 32] {
        let digest = digest_of(ticket);
        self.0.insert(digest, member);
        digest
    }

    /// Whose ticket this is.
    pub(crate) fn find(&self, ticket: &[u8]) -> Option<Member> {
        self.0.get(&digest_of(ticket)).copied()
    }

    pub(super) fn remove(&mut self, digest: &[u8; 32]) {
        self.0.remove(digest);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

fn digest_of(ticket: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(digest::digest(&digest::SHA256, ticket).as_ref());
    digest
}
