//! Limits the TCP connections that have no session: how many there may be, and which one is closed
//! when there are too many.
//!
//! New connections are never refused. Opening a connection costs a client nothing, so if the newest
//! were refused, silent ones could keep everybody else out, a liveness probe too. Instead the
//! connection that was silent for longest is closed, of the address that has the most. A connection
//! that becomes a WebSocket is no longer counted here: sessions have a limit of their own.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use smrtc_engine::time::Instant;
use tokio::sync::Notify;

/// The TCP connections of a node that have no session.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    most: usize,
    most_per_address: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    entries: BTreeMap<u64, (Source, Arc<Entry>)>,
    by_source: HashMap<Source, usize>,
}

/// What is counted as one client: an IPv4 address, or the /64 from which an IPv6 host picks its
/// addresses.
type Source = [u8; 8];

/// One connection.
#[derive(Debug)]
pub(super) struct Entry {
    /// When bytes were last received or sent, in microseconds.
    active: AtomicU64,
    evicted: Notify,
}

impl Entry {
    /// Notes that bytes were received or sent.
    pub(super) fn touch(&self, now: Instant) {
        self.active.store(now.as_micros(), Ordering::Relaxed);
    }

    /// Waits until the connection must go.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

/// Counts a connection while it lives.
#[derive(Debug)]
pub(super) struct CountedConnection {
    connections: Arc<ConnectionLimit>,
    id: u64,
    pub(super) entry: Arc<Entry>,
}

impl ConnectionLimit {
    pub(super) fn new(most: usize, most_per_address: usize) -> Self {
        Self {
            most: most.max(1),
            most_per_address: most_per_address.max(1),
            state: Mutex::new(State::default()),
        }
    }

    /// Counts a connection in. Returns whether another one has to go for it.
    pub(super) fn enter(
        self: &Arc<Self>,
        now: Instant,
        address: IpAddr,
    ) -> (CountedConnection, bool) {
        let source = source(address);
        let entry = Arc::new(Entry {
            active: AtomicU64::new(now.as_micros()),
            evicted: Notify::new(),
        });
        let mut state = self.state();
        let of_source = state.by_source.get(&source).copied().unwrap_or_default();
        let has_evicted = if of_source >= self.most_per_address {
            state.evict(source)
        } else {
            state.entries.len() >= self.most && state.evict_of_the_most()
        };
        state.last_id += 1;
        let id = state.last_id;
        state.entries.insert(id, (source, entry.clone()));
        *state.by_source.entry(source).or_default() += 1;
        let counted = CountedConnection {
            connections: self.clone(),
            id,
            entry,
        };
        (counted, has_evicted)
    }

    /// Closes a connection because the system, not the limit, has no room. Returns whether there
    /// was one to close.
    pub(super) fn evict(&self) -> bool {
        self.state().evict_of_the_most()
    }

    /// Connections that are counted.
    pub(super) fn len(&self) -> usize {
        self.state().entries.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn evict_of_the_most(&mut self) -> bool {
        // By source too, so that ties are broken the same way each time.
        let most = self
            .by_source
            .iter()
            .max_by_key(|(source, n)| (**n, **source));
        let Some((&source, &count)) = most else {
            return false;
        };
        if count > 1 {
            return self.evict(source);
        }
        let idlest = idlest(self.entries.iter());
        self.remove(idlest)
    }

    fn evict(&mut self, source: Source) -> bool {
        let of_source = self.entries.iter().filter(|(_, (of, _))| *of == source);
        let idlest = idlest(of_source);
        self.remove(idlest)
    }

    /// Removed at once: until its task has ended it would count, and be chosen again.
    fn remove(&mut self, id: Option<u64>) -> bool {
        let Some((source, entry)) = id.and_then(|id| self.entries.remove(&id)) else {
            return false;
        };
        entry.evicted.notify_one();
        self.forget(source);
        true
    }

    fn forget(&mut self, source: Source) {
        if let Some(count) = self.by_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
    }
}

fn idlest<'a>(entries: impl Iterator<Item = (&'a u64, &'a (Source, Arc<Entry>))>) -> Option<u64> {
    entries
        .min_by_key(|(_, (_, entry))| entry.active.load(Ordering::Relaxed))
        .map(|(id, _)| *id)
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        let mut state = self.connections.state();
        if let Some((source, _)) = state.entries.remove(&self.id) {
            state.forget(source);
        }
    }
}

fn source(address: IpAddr) -> Source {
    let mut source = Source::default();
    match address.to_canonical() {
        // IPv4 addresses go where no /64 can be, since 0::/32 is not assigned.
        IpAddr::V4(v4) => source[4..].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => source.copy_from_slice(&v6.octets()[..8]),
    }
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Instant {
        Instant::from_micros(second * 1_000_000)
    }

    fn has_gone(counted: &CountedConnection) -> bool {
        !counted
            .connections
            .state()
            .entries
            .contains_key(&counted.id)
    }

    #[test]
    fn the_idlest_of_the_address_with_the_most_goes() {
        let connections = Arc::new(ConnectionLimit::new(4, 3));
        let enter = |second, last| connections.enter(at(second), [192, 0, 2, last].into()).0;
        let oldest = enter(0, 1);
        let [busy, idle, idler] = [1, 2, 3].map(|second| enter(second, 2));
        busy.entry.touch(at(10));
        idle.entry.touch(at(9));
        let newest = enter(11, 3);
        assert!(has_gone(&idler), "of the address with three");
        assert!(
            ![&oldest, &busy, &idle, &newest]
                .map(has_gone)
                .contains(&true)
        );
        assert_eq!(connections.len(), 4);

        drop((busy, idle));
        assert_eq!(connections.len(), 2);
        let others = [4, 5].map(|last| enter(12, last));
        let last = enter(13, 6);
        assert!(
            has_gone(&oldest),
            "all have one, and this was silent longest"
        );
        assert!(!others.iter().chain([&last, &newest]).any(has_gone));
    }

    #[test]
    fn an_address_at_its_limit_makes_room_itself() {
        let connections = Arc::new(ConnectionLimit::new(100, 2));
        let enter = |second, last| connections.enter(at(second), [192, 0, 2, last].into());
        let (other, _) = enter(0, 1);
        let (first, _) = enter(1, 2);
        let (second, evicted) = enter(2, 2);
        assert!(!evicted);
        let (third, evicted) = enter(3, 2);
        assert!(evicted && has_gone(&first));
        assert!(![&other, &second, &third].map(has_gone).contains(&true));
        // What has gone already is not counted out twice.
        drop(first);
        assert_eq!(connections.len(), 3);
    }

    #[test]
    fn a_host_on_ipv6_is_one_address_and_a_mapped_one_is_that_of_ipv4() {
        let of = |text: &str| source(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
