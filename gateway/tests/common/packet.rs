use smrtc_engine::{
    time::MediaTime,
    wire::media::{FrameHeader, MediaKind as WireKind, MediaPacket},
};

/// A media packet as a publisher makes it.
#[derive(Clone, Copy)]
pub struct Packet {
    pub sender: u32,
    pub track: u8,
    pub kind: WireKind,
    pub seq: u16,
    pub frame_id: u32,
    pub fragment: u16,
    pub fragments: u16,
    pub key: bool,
    pub bytes: usize,
}

impl Packet {
    pub fn video(sender: u32, seq: u16) -> Self {
        Self {
            sender,
            track: 1,
            kind: WireKind::Video,
            seq,
            frame_id: seq.into(),
            fragment: 0,
            fragments: 1,
            key: seq == 0,
            bytes: 500,
        }
    }

    pub fn audio(sender: u32, seq: u16) -> Self {
        Self {
            track: 0,
            kind: WireKind::Audio,
            bytes: 80,
            ..Self::video(sender, seq)
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let header = FrameHeader {
            key: self.key,
            discardable: false,
            reserved_flags: 0,
            media_kind: self.kind,
            track: self.track,
            spatial: 0,
            temporal: 0,
            sender: self.sender,
            frame_id: self.frame_id,
            reference_distance: u16::from(!self.key),
            media_time: MediaTime::from_micros(u64::from(self.frame_id) * 33_333),
        };
        let payload: Vec<u8> = (0..self.bytes)
            .map(|index| (index as u16 ^ self.seq) as u8)
            .collect();
        let mut out = Vec::new();
        MediaPacket {
            rtx: false,
            transport_seq: self.seq,
            fragment_index: self.fragment,
            fragment_count: self.fragments,
            header,
            metadata: header.metadata(),
            payload: &payload,
        }
        .encode(&mut out);
        out
    }
}
