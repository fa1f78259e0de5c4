//! Earlier frames of audio, to go along with later ones.

use std::collections::VecDeque;

use crate::wire::media::{self, FrameHeader};
use crate::wire::redundancy::MAX_REDUNDANT_FRAMES;

/// The newest sealed frames of one track.
#[derive(Debug, Default)]
pub(super) struct Redundancy {
    frames: VecDeque<(FrameHeader, Vec<u8>)>,
}

impl Redundancy {
    /// Puts copies of the `count` frames before it into the packet of a frame, and keeps that frame
    /// for later packets. Returns how many bytes were added.
    pub(super) fn add(
        &mut self,
        header: &FrameHeader,
        sealed: &[u8],
        count: usize,
        datagram: &mut Vec<u8>,
    ) -> usize {
        let before = datagram.len();
        let frames = self.frames.iter().rev().take(count);
        let copies = frames.map(|(header, sealed)| (header, sealed.as_slice()));
        media::add_redundancy(datagram, header, copies);
        self.frames.push_back((*header, sealed.to_vec()));
        while self.frames.len() > MAX_REDUNDANT_FRAMES {
            self.frames.pop_front();
        }
        datagram.len() - before
    }
}
