//! How fast to send: congestion controllers.
//!
//! A controller is told of every media packet that goes out and of every feedback report that comes
//! back, and says what rate the path bears. The uplink has one; a gateway has one for each
//! subscriber, which is why packets are named by (sender, `transport_seq`).
//!
//! Not a pacer, which is [`crate::send::Pacer`], and not a divider of the rate among tracks, which
//! is [`allocate`].

mod allocation;
mod bbr;
mod config;
mod delay_based;
mod delivery;
mod history;
mod path_observer;
mod probe;
mod probing;
mod queue_delay;
mod trendline;

use core::fmt::Debug;
use core::time::Duration;

use crate::time::{Bitrate, Instant};
use crate::wire::feedback::Feedback;

pub use allocation::{Demand, allocate};
pub use bbr::BbrController;
pub use config::CongestionConfig;
pub use delay_based::DelayBasedController;
pub use probe::Probe;
pub use probing::Probing;

/// A media packet that has just gone out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentPacket {
    /// The participant who published it.
    pub sender: u32,
    /// Its number among the sender's packets.
    pub transport_seq: u16,
    /// Length of the datagram, in bytes.
    pub bytes: usize,
}

/// How to pace what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// The rate at which the pacer drains its queue.
    pub rate: Bitrate,
}

/// What a controller has learnt of the path, for statistics and for deciding on repairs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PathEstimate {
    /// The newest round-trip time that a report gave.
    pub rtt: Option<Duration>,
    /// Delay above the least delay seen: what stands in queues on the way.
    pub queue_delay: Duration,
    /// Share of packets lost in the last second, 0 to 1.
    pub loss: f64,
    /// Share of packets lost while no queue stood, 0 to 1: what repairs are worth sending against.
    pub random_loss: f64,
    /// How much longer runs of lost packets are than they would be if packets got lost
    /// independently; from 1, and 0 if it is not known.
    pub burst: f64,
    /// The rate that arrives.
    pub delivered: Bitrate,
    /// Packets reported missing and not reported received since, in total.
    pub packets_lost: u64,
    /// Packets reported received, in total.
    pub packets_received: u64,
    /// Bytes of packets reported missing while a queue stood, in total: what the path had no room
    /// for, as far as can be told.
    pub overflowed_bytes: u64,
}

/// Which controller an uplink gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Controller {
    /// [`DelayBasedController`], from delay. The default; `QOS.md` compares them.
    #[default]
    Delay,
    /// [`BbrController`], from a model of the path.
    Bbr,
}

impl Controller {
    /// Makes one that knows nothing of the path.
    pub fn build(self, config: CongestionConfig) -> Box<dyn CongestionController> {
        match self {
            Self::Delay => Box::new(DelayBasedController::new(config)),
            Self::Bbr => Box::new(BbrController::new(config)),
        }
    }
}

/// Decides how fast to send, from what was sent and what is reported of it.
pub trait CongestionController: Debug + Send {
    /// Notes a packet that goes out now. The same packet again (a gateway retransmits packets under
    /// their numbers) replaces the older note.
    fn on_sent(&mut self, now: Instant, packet: SentPacket);

    /// Takes a report. Packets in it that were never sent are ignored.
    fn on_feedback(&mut self, now: Instant, feedback: &Feedback<'_>);

    /// Does what is due at [`Self::next_timeout`].
    fn on_timeout(&mut self, now: Instant);

    /// When [`Self::on_timeout`] wants to be called, if at all.
    fn next_timeout(&self) -> Option<Instant>;

    /// The rate of datagram bytes that the path bears: audio, video frames and retransmissions
    /// together.
    fn target_bitrate(&self) -> Bitrate;

    /// How to pace.
    fn pacing(&self) -> Pacing;

    /// Notes a burst that has gone out faster than the target, to find out whether the path bears
    /// it. If it does, the target rises.
    fn on_probe(&mut self, probe: Probe);

    /// The rate at which the last burst came through, once, when it is known; zero if it shows
    /// nothing.
    fn take_probed(&mut self) -> Option<Bitrate>;

    /// What is known of the path.
    fn path(&self) -> PathEstimate;
}
