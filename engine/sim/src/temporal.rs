//! In which temporal layer a frame goes, what it refers to, and how large it is: the pattern of
//! encoders for real-time calls.
//!
//! With two layers every second frame can be left out; with three, three of four. Shares are
//! libvpx's (`vp8e_ts` in its examples): 60 and 40 % of the rate, or 40, 20 and 40 %.

/// The place of a frame in the pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) temporal: u8,
    pub(crate) discardable: bool,
    pub(crate) reference_distance: u16,
    /// Its size, over the mean.
    pub(crate) share: f64,
}

/// The pattern of one stream.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// Layer, distance of the reference, share.
    frames: &'static [(u8, u16, f64)],
    next: usize,
}

const ONE: &[(u8, u16, f64)] = &[(0, 1, 1.0)];
const TWO: &[(u8, u16, f64)] = &[(0, 2, 1.2), (1, 1, 0.8)];
const THREE: &[(u8, u16, f64)] = &[(0, 4, 1.6), (2, 1, 0.8), (1, 2, 0.8), (2, 1, 0.8)];

impl Pattern {
    /// Of one, two or three layers.
    pub(crate) fn new(layers: u8) -> Self {
        let frames = match layers {
            3 => THREE,
            2 => TWO,
            _ => ONE,
        };
        Self { frames, next: 0 }
    }

    /// A key frame begins it anew.
    pub(crate) fn next(&mut self, key: bool) -> Place {
        let at = if key { 0 } else { self.next };
        self.next = (at + 1) % self.frames.len();
        let (temporal, distance, share) = self.frames[at];
        let highest = self.frames.iter().map(|&(layer, ..)| layer).max();
        Place {
            temporal,
            discardable: temporal > 0 && Some(temporal) == highest,
            reference_distance: if key { 0 } else { distance },
            share: if key { 1.0 } else { share },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_refers_to_one_of_a_lower_layer_or_to_the_last_of_the_lowest() {
        for layers in 1..=3 {
            let mut pattern = Pattern::new(layers);
            let places: Vec<Place> = (0..40).map(|n| pattern.next(n % 13 == 0)).collect();
            for (n, place) in places.iter().enumerate().filter(|(n, _)| n % 13 > 0) {
                let to = n - usize::from(place.reference_distance);
                assert!(to >= n / 13 * 13, "over a key frame");
                let to = places[to];
                assert!(!to.discardable);
                assert!(to.temporal < place.temporal || place.temporal == 0 && to.temporal == 0);
            }
            let mean = places[14..26].iter().map(|place| place.share).sum::<f64>() / 12.0;
            assert!((mean - 1.0).abs() < 0.05, "{mean}");
            let left: Vec<_> = places.iter().filter(|place| !place.discardable).collect();
            assert!(left.len() >= if layers == 1 { 40 } else { 20 });
        }
    }
}
