//! What an Opus packet says about itself before it is decoded (RFC 6716 §3).

use audiopus::SampleRate;
use audiopus::packet::{Packet, nb_samples};

/// Samples at 48 kHz that the packet holds, 120 to 5,760; `None` if it is not an Opus packet.
pub(crate) fn samples(opus: &[u8]) -> Option<usize> {
    let packet = Packet::try_from(opus).ok()?;
    nb_samples(packet, SampleRate::Hz48000)
        .ok()
        .filter(|&samples| samples > 0)
}

/// Whether the packet only says that the talker fell silent (discontinuous transmission): at most a
/// TOC byte and one more.
pub(crate) fn is_dtx(opus: &[u8]) -> bool {
    opus.len() <= 2
}

/// Whether the packet carries a low-bitrate copy of the frame before it (RFC 6716 §4.2.4).
///
/// The LP layer opens with one VAD bit per 20 ms SILK frame and then the LBRR flag, all coded with
/// probability one half and therefore readable as plain bits. Only packets of one frame are looked
/// at, which is what our encoder makes.
pub(crate) fn has_lbrr(opus: &[u8]) -> bool {
    let Some((&toc, rest)) = opus.split_first() else {
        return false;
    };
    let is_celt_only = toc & 0x80 != 0;
    if is_celt_only {
        return false;
    }
    let frame = match toc & 0x03 {
        0 => rest,
        3 => match single_padded_frame(rest) {
            Some(frame) => frame,
            None => return false,
        },
        _ => return false,
    };
    if frame.len() <= 1 {
        return false;
    }
    let is_hybrid = toc & 0x60 == 0x60;
    let silk_frames = match (is_hybrid, toc >> 3 & 0x03) {
        (true, _) | (false, 0 | 1) => 1,
        (false, 2) => 2,
        (false, _) => 3,
    };
    let channels = if toc & 0x04 == 0 { 1 } else { 2 };
    (1..=channels).any(|channel| frame[0] & (0x80u8 >> (channel * (silk_frames + 1) - 1)) != 0)
}

/// The frame of a code-3 packet that holds one frame and padding, which is how libopus fills a
/// packet to a constant size.
fn single_padded_frame(rest: &[u8]) -> Option<&[u8]> {
    let (&count, mut rest) = rest.split_first()?;
    if count & 0x3F != 1 {
        return None;
    }
    if count & 0x40 == 0 {
        return Some(rest);
    }
    let mut padding = 0usize;
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        if byte < 255 {
            padding += usize::from(byte);
            break;
        }
        padding += 254;
    }
    rest.get(..rest.len().checked_sub(padding)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_duration_from_the_toc_byte() {
        // CELT fullband mono, 20 ms, one frame.
        assert_eq!(samples(&[31 << 3, 0]), Some(960));
        // SILK narrowband mono, 60 ms.
        assert_eq!(samples(&[3 << 3, 0]), Some(2_880));
        assert_eq!(samples(&[]), None);
        // Code 3 with a frame count of zero.
        assert_eq!(samples(&[(31 << 3) | 3, 0]), None);
    }

    #[test]
    fn any_bytes_are_looked_at_without_a_panic() {
        for toc in 0..=255u8 {
            for second in 0..=255u8 {
                for length in 0..6 {
                    let mut packet = vec![toc, second];
                    packet.resize(length, 0xFF);
                    has_lbrr(&packet);
                    samples(&packet);
                }
            }
        }
    }
}
