//! Redundancy for audio (RFC 2198): packets carry earlier frames, as many as each path needs.
//!
//! A publisher's packets carry what its own path needs. On the way to a subscriber whose path loses
//! more, packets get more of the sealed frames that came before. That is possible because each
//! frame is authenticated by itself, whichever packet brings it.

use std::collections::VecDeque;

use smrtc_engine::wire::{
    media::{self, FrameHeader, MediaPacket},
    redundancy::MAX_REDUNDANT_FRAMES,
};

use super::Datagram;

/// The newest sealed frames of one track of audio, in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct AudioFrames {
    frames: VecDeque<(FrameHeader, Vec<u8>)>,
}

impl AudioFrames {
    /// Takes in a packet: its frame and the redundant ones, of which some may stand for packets
    /// that never came.
    pub(super) fn on_packet(&mut self, packet: &MediaPacket<'_>, datagram: &Datagram) {
        if let Ok((_, redundant)) = MediaPacket::parse_with_redundancy(datagram.payload()) {
            for (header, sealed) in redundant {
                self.keep(&header, sealed);
            }
        }
        self.keep(&packet.header, packet.payload);
    }

    fn keep(&mut self, header: &FrameHeader, sealed: &[u8]) {
        let later = |kept: &(FrameHeader, Vec<u8>)| {
            kept.0.frame_id.wrapping_sub(header.frame_id).cast_signed() >= 0
        };
        let at = self.frames.iter().position(later);
        let at = at.unwrap_or(self.frames.len());
        let known = self.frames.get(at);
        if known.is_some_and(|(kept, _)| kept.frame_id == header.frame_id) {
            return;
        }
        self.frames.insert(at, (*header, sealed.to_vec()));
        while self.frames.len() > MAX_REDUNDANT_FRAMES + 1 {
            self.frames.pop_front();
        }
    }

    /// The packet in `datagram` with `count` earlier frames; `None` if it has as many, or there are
    /// no more.
    pub(super) fn with_redundancy(&self, datagram: &Datagram, count: usize) -> Option<Datagram> {
        let (packet, redundant) = MediaPacket::parse_with_redundancy(datagram.payload()).ok()?;
        let present = redundant.count();
        if count <= present || media::has_extension(datagram.payload()) {
            return None;
        }
        let header = packet.header;
        let before = |kept: &&(FrameHeader, Vec<u8>)| {
            header.frame_id.wrapping_sub(kept.0.frame_id).cast_signed() > 0
        };
        let earlier = self.frames.iter().rev().filter(before).take(count);
        let earlier = earlier.map(|(header, sealed)| (header, sealed.as_slice()));
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        let added = media::add_redundancy(&mut bytes, &header, earlier);
        (usize::from(added) > present).then(|| Datagram::copy_of(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smrtc_engine::{time::MediaTime, wire::media::MediaKind};

    /// Frame `id`, of ten bytes like it, with the `redundant` frames before it.
    fn packet(id: u32, redundant: u32) -> Datagram {
        let header = |id: u32| FrameHeader {
            key: true,
            discardable: false,
            reserved_flags: 0,
            media_kind: MediaKind::Audio,
            track: 0,
            spatial: 0,
            temporal: 0,
            sender: 7,
            frame_id: id,
            reference_distance: 0,
            media_time: MediaTime::from_micros(
                1_000_000 + u64::from(id.wrapping_add(100)) * 20_000,
            ),
        };
        let frame = |id: u32| (header(id), vec![id as u8; 10]);
        let (own, sealed) = frame(id);
        let mut bytes = Vec::new();
        MediaPacket {
            rtx: false,
            transport_seq: id as u16,
            fragment_index: 0,
            fragment_count: 1,
            header: own,
            metadata: own.metadata(),
            payload: &sealed,
        }
        .encode(&mut bytes);
        let earlier: Vec<_> = (1..=redundant)
            .map(|back| frame(id.wrapping_sub(back)))
            .collect();
        let earlier = earlier
            .iter()
            .map(|(header, sealed)| (header, sealed.as_slice()));
        media::add_redundancy(&mut bytes, &own, earlier);
        Datagram::copy_of(&bytes)
    }

    fn take(audio: &mut AudioFrames, datagram: &Datagram) {
        audio.on_packet(&MediaPacket::parse(datagram.payload()).unwrap(), datagram);
    }

    fn redundant(datagram: &Datagram) -> Vec<(u32, u8)> {
        let (_, redundant) = MediaPacket::parse_with_redundancy(datagram.payload()).unwrap();
        redundant
            .map(|(header, sealed)| (header.frame_id, sealed[0]))
            .collect()
    }

    #[test]
    fn a_packet_gets_the_frames_before_it_and_stays_as_it_is_otherwise() {
        let mut audio = AudioFrames::default();
        for id in [u32::MAX - 1, u32::MAX, 0] {
            take(&mut audio, &packet(id, 0));
        }
        let bare = packet(1, 0);
        take(&mut audio, &bare);
        let made = audio.with_redundancy(&bare, 3).unwrap();
        assert_eq!(
            redundant(&made),
            [(0, 0), (u32::MAX, 255), (u32::MAX - 1, 254)]
        );
        let (made, bare) = (made.payload(), bare.payload());
        assert_eq!(MediaPacket::parse(made), MediaPacket::parse(bare));
    }

    #[test]
    fn what_came_as_redundancy_alone_is_carried_on() {
        let mut audio = AudioFrames::default();
        take(&mut audio, &packet(5, 0));
        // 6 was lost.
        let seventh = packet(7, 1);
        take(&mut audio, &seventh);
        let made = audio.with_redundancy(&seventh, 2).unwrap();
        assert_eq!(redundant(&made), [(6, 6), (5, 5)]);
    }

    #[test]
    fn a_packet_that_has_enough_is_left_alone() {
        let mut audio = AudioFrames::default();
        for id in 0..30 {
            take(&mut audio, &packet(id, 2));
        }
        let last = packet(29, 2);
        assert!(audio.with_redundancy(&last, 2).is_none());
        assert!(audio.with_redundancy(&packet(0, 0), 3).is_none(), "too old");
        assert_eq!(
            redundant(&audio.with_redundancy(&last, 4).unwrap()).len(),
            4
        );
        assert!(audio.frames.len() <= MAX_REDUNDANT_FRAMES + 1);
    }
}
