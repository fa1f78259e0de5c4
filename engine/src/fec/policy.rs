//! How many repair packets a frame is worth.
//!
//! As many as make it likely enough that the frame is whole without asking. How likely that must be
//! depends on what asking can still do: a retransmission needs the request and the answer to get
//! through, each as likely lost as any packet, and a round trip.

use core::time::Duration;

/// The state of the path by which a frame is protected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Protection {
    /// Share of packets lost, 0 to 1.
    pub loss: f64,
    /// Mean length of a run of lost packets, from 1.
    pub burst: f64,
    /// The round-trip time.
    pub rtt: Duration,
    /// All video frames up to the next key frame depend on this one.
    pub key: bool,
}

/// Below this, asking again costs less than protecting every frame.
pub(super) const LOSS_NOTICED: f64 = 0.008;
/// Share of frames that may be incomplete at first where a retransmission is quick and sure.
const MISSED: f64 = 0.05;
/// The same where retransmissions never come through.
const MISSED_WITHOUT_RETRANSMISSION: f64 = 0.006;
/// A key frame is that much dearer.
const KEY_SHARE: f64 = 0.2;
/// With a round trip like this a retransmission is late for most.
const LONG_RTT: Duration = Duration::from_millis(250);
/// Most packets that are ever sent for one fragment.
const MAX_OVERHEAD: usize = 14;

/// Repair packets for a frame of `fragments` packets.
pub fn repair_packets(fragments: u16, protection: Protection) -> u16 {
    let Protection {
        loss,
        burst,
        rtt,
        key,
    } = protection;
    if loss < LOSS_NOTICED {
        return 0;
    }
    let loss = loss.min(0.9);
    let missed = MISSED_WITHOUT_RETRANSMISSION
        + (MISSED - MISSED_WITHOUT_RETRANSMISSION) * retransmission_help(loss, rtt);
    let missed = if key { missed * KEY_SHARE } else { missed };
    let count = usize::from(fragments).max(1);
    // Runs of losses make the number of lost packets vary as if there were fewer, larger packets.
    let grain = burst.clamp(1.0, 8.0);
    let most = count * MAX_OVERHEAD;
    let enough = (0..most).find(|&repairs| {
        let whole = (count as f64 / grain).ceil().max(1.0);
        let sent = ((count + repairs) as f64 / grain).floor();
        residual_loss(whole as usize, sent as usize, loss) <= missed
    });
    u16::try_from(enough.unwrap_or(most)).unwrap_or(u16::MAX)
}

/// Share of audio that may be missed where a retransmission is quick and sure, and where it never
/// comes through.
const AUDIO_MISSED: (f64, f64) = (0.0005, 0.0003);
/// Beyond this the audio of the copies is worth less than the rate they take.
const MAX_AUDIO_COPIES: usize = 12;

/// How many later packets are to carry a copy of each frame of audio.
pub fn audio_redundancy(protection: Protection) -> usize {
    let Protection {
        loss, burst, rtt, ..
    } = protection;
    if loss < LOSS_NOTICED {
        return 0;
    }
    let loss = loss.min(0.9);
    let missed =
        AUDIO_MISSED.1 + (AUDIO_MISSED.0 - AUDIO_MISSED.1) * retransmission_help(loss, rtt);
    // Frames of audio are 20 ms apart; between two of them a burst is mostly over.
    let beyond_burst = (burst.min(8.0) - 1.0) / 2.0;
    let copies = (missed.ln() / loss.ln() - 1.0).ceil() + beyond_burst.round();
    (copies.max(1.0) as usize).min(MAX_AUDIO_COPIES)
}

/// How much of what is lost a retransmission mends in time, 0 to 1.
fn retransmission_help(loss: f64, rtt: Duration) -> f64 {
    let quick = 1.0 - (rtt.as_secs_f64() / LONG_RTT.as_secs_f64()).min(1.0);
    (1.0 - loss) * (1.0 - loss) * (0.4 + 0.6 * quick)
}

/// How likely it is that of `sent` packets fewer than `needed` come, each lost with probability
/// `loss`.
pub fn residual_loss(needed: usize, sent: usize, loss: f64) -> f64 {
    if sent < needed {
        return 1.0;
    }
    // Terms of the binomial distribution from none that came on.
    let mut term = loss.powi(i32::try_from(sent).unwrap_or(i32::MAX));
    let mut sum = 0.0;
    for came in 0..needed {
        sum += term;
        term *= (sent - came) as f64 / (came + 1) as f64 * (1.0 - loss) / loss.max(1e-9);
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protection(loss: f64) -> Protection {
        Protection {
            loss,
            burst: 1.0,
            rtt: Duration::from_millis(50),
            key: false,
        }
    }

    #[test]
    fn the_residual_is_the_binomial_tail() {
        assert!((residual_loss(1, 3, 0.5) - 0.125).abs() < 1e-12);
        assert!((residual_loss(2, 3, 0.5) - 0.5).abs() < 1e-12);
        assert!((residual_loss(4, 5, 0.1) - (1.0 - 0.91854)).abs() < 1e-9);
        assert_eq!(residual_loss(3, 2, 0.0), 1.0);
        assert_eq!(residual_loss(3, 3, 0.0), 0.0);
    }

    #[test]
    fn a_clean_path_gets_none_and_a_worse_one_more() {
        let at = |loss| repair_packets(4, protection(loss));
        assert_eq!(at(0.0), 0);
        let counts: Vec<u16> = [0.02, 0.1, 0.3, 0.5, 0.7].into_iter().map(at).collect();
        assert!(counts[0] >= 1 && counts.is_sorted(), "{counts:?}");
        for (loss, &count) in [0.02, 0.1, 0.3, 0.5].into_iter().zip(&counts) {
            assert!(residual_loss(4, 4 + usize::from(count), loss) <= MISSED);
        }
    }

    #[test]
    fn key_frames_bursts_and_long_ways_get_more() {
        let plain = repair_packets(8, protection(0.2));
        let more = |change: &dyn Fn(&mut Protection)| {
            let mut protection = protection(0.2);
            change(&mut protection);
            repair_packets(8, protection)
        };
        assert!(more(&|p| p.key = true) > plain);
        assert!(more(&|p| p.burst = 4.0) > plain);
        assert!(more(&|p| p.rtt = Duration::from_millis(300)) > plain);
    }

    #[test]
    fn copies_of_audio_grow_with_loss() {
        let copies = |loss| audio_redundancy(protection(loss));
        let counts = [0.0, 0.02, 0.1, 0.3, 0.5, 0.8].map(copies);
        assert!(counts.is_sorted(), "{counts:?}");
        assert_eq!((counts[0], counts[1], counts[5]), (0, 1, MAX_AUDIO_COPIES));
        assert!((3..=6).contains(&counts[3]), "{counts:?}");
    }

    #[test]
    fn the_worst_path_gets_no_more_than_the_most() {
        assert!(repair_packets(1_024, protection(0.99)) <= 1_024 * MAX_OVERHEAD as u16);
    }
}
