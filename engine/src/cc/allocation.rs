//! Divides a rate among tracks: audio first, then video.

use crate::time::Bitrate;
use crate::wire::media::MediaKind;

/// The demand of one track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// What the track carries.
    pub kind: MediaKind,
    /// The most that it can use.
    pub max: Bitrate,
}

/// Divides `total` among `demands`; the answer has their order.
///
/// Audio gets all it can use before video frames get anything. Within each class the rate is shared
/// equally, and what a track cannot use goes to the others. Never hands out more than `total`.
pub fn allocate(total: Bitrate, demands: &[Demand]) -> Vec<Bitrate> {
    let mut shares = vec![Bitrate::ZERO; demands.len()];
    let mut left = total;
    for audio in [true, false] {
        let class: Vec<usize> = (0..demands.len())
            .filter(|&i| demands[i].kind.is_audio() == audio)
            .collect();
        left = share_equally(left, &class, demands, &mut shares);
    }
    shares
}

/// Fills the smallest demands first, so that one pass leaves nothing over that somebody could use.
fn share_equally(
    total: Bitrate,
    class: &[usize],
    demands: &[Demand],
    shares: &mut [Bitrate],
) -> Bitrate {
    let mut by_demand = class.to_vec();
    by_demand.sort_by_key(|&i| demands[i].max);
    let mut left = total;
    for (done, &i) in by_demand.iter().enumerate() {
        let waiting = (by_demand.len() - done) as u64;
        let share = demands[i]
            .max
            .min(Bitrate::from_bps(left.as_bps() / waiting));
        shares[i] = share;
        left = left.saturating_sub(share);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kbps(rates: &[u64]) -> Vec<Bitrate> {
        rates.iter().map(|&rate| Bitrate::from_kbps(rate)).collect()
    }

    #[test]
    fn audio_is_served_before_video() {
        let demand = |kind, max| Demand {
            kind,
            max: Bitrate::from_kbps(max),
        };
        let demands = [
            demand(MediaKind::Video, 1_000),
            demand(MediaKind::Audio, 32),
            demand(MediaKind::Screen, 200),
        ];
        assert_eq!(
            allocate(Bitrate::from_kbps(20), &demands),
            kbps(&[0, 20, 0])
        );
        assert_eq!(
            allocate(Bitrate::from_kbps(132), &demands),
            kbps(&[50, 32, 50])
        );
        assert_eq!(
            allocate(Bitrate::from_kbps(632), &demands),
            kbps(&[400, 32, 200])
        );
        assert_eq!(
            allocate(Bitrate::from_kbps(5_000), &demands),
            kbps(&[1_000, 32, 200])
        );
        assert_eq!(allocate(Bitrate::from_kbps(5_000), &[]), []);
    }
}
