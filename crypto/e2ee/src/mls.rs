//! Group keys: MLS, RFC 9420, over `mls-rs` with suites of ours.
//!
//! ```text
//!  delivery service ──Input──► MlsSession ──Request──► delivery service
//!                                  │ EpochKeys                 │ Event: roster, code, split, …
//!                                  ▼                           ▼
//!                              MlsKeys: KeyProvider         application
//! ```
//!
//! [`MlsSession`] is one member of one room's group. It is sans-IO: time and messages go in,
//! requests, keys and events come out. [`MlsKeys`] is fed by it, in the same worker or, through
//! [`EpochKeys::to_bytes`], in another, and stands behind sealers and key stores. [`Provider`] has
//! the algorithms. What is on the wire is in `crypto/SPEC.md` §7.
//!
//! The gateway is the delivery service, and links none of this. Nothing of a group is ever stored.

mod admission;
mod commit_policy;
mod curve;
mod epoch_keys;
mod error;
mod group;
mod hpke;
mod identity;
mod kid;
mod mls_keys;
mod provider;
mod session;
mod shared_rng;
mod signed_heartbeat;
mod suite;
mod user_name;
mod verification_code;
mod x509;

pub use admission::{CertificatePolicy, NotAdmitted, Policy};
pub use commit_policy::RuleViolation;
pub use epoch_keys::{EpochKeys, InvalidEpochKeys};
pub use error::CipherError;
pub use group::{ClocksDiffer, GroupError};
pub use hpke::{Aead, Kdf};
pub use identity::{Identity, IdentityError};
pub use kid::MAX_LEAF_INDEX;
pub use mls_keys::{MlsKeys, OLD_EPOCH_MICROS, SWITCH_MICROS};
pub use provider::{Ciphers, Provider, ProviderError};
pub use session::{
    CommitRequest, Event, GroupSnapshot, Input, MlsSession, Now, Output, Refused, Request,
    RequestKind, RosterMember, SessionConfig, State, Timing,
};
pub use suite::{Suite, UnknownSuite};
pub use user_name::MAX_USER_BYTES;
pub use x509::{CertificateError, MAX_CHAIN, TrustAnchors};
