//! `smrtc-loadgen impair`: a UDP relay whose path is as bad as the options say.
//!
//! [`link`] is the model, a pure function of its seed and of when what arrives; [`relay`] moves the
//! packets.

mod link;
mod options;
mod relay;

pub(crate) use options::Options;
pub(crate) use relay::run;
