//! A VP8 encoder (RFC 6386) for frames of flat, grey macroblocks of 16 × 16 pixels.
//!
//! A load generator wants real video that every browser decodes, in which it may draw what it
//! likes, for next to no work. So each macroblock is predicted from the edges of its neighbours
//! (`DC_PRED`) and corrected by one coefficient, that of the mean; there is no motion, no filter
//! and no colour. Frames that are no key frames have the syntax of such frames, and thus need the
//! frame before them, but consist of the same macroblocks.
//!
//! Not here: what is drawn (`test_card`).

mod bool_encoder;
mod tables;

use bool_encoder::BoolEncoder;

/// A frame before it is encoded: the brightness of each macroblock, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blocks {
    /// Macroblocks in a row.
    pub(crate) columns: u16,
    /// As many as `columns` times the number of rows.
    pub(crate) luma: Vec<u8>,
}

impl Blocks {
    fn rows(&self) -> u16 {
        let rows = self.luma.len() / usize::from(self.columns.max(1));
        u16::try_from(rows).unwrap_or(u16::MAX)
    }
}

/// Encodes a frame as a key frame, or as one that needs the frame before it.
pub(crate) fn encode(blocks: &Blocks, key: bool) -> Vec<u8> {
    let mut modes = BoolEncoder::default();
    write_header(&mut modes, key);
    let mut tokens = BoolEncoder::default();
    write_macroblocks(&mut modes, &mut tokens, blocks, key);

    let modes = modes.finish();
    let mut frame = frame_tag(key, modes.len());
    if key {
        // §9.1: the start code, then width and height of 14 bits, not scaled.
        frame.extend([0x9d, 0x01, 0x2a]);
        frame.extend((blocks.columns * MACROBLOCK).to_le_bytes());
        frame.extend((blocks.rows() * MACROBLOCK).to_le_bytes());
    }
    frame.extend(modes);
    frame.extend(tokens.finish());
    frame
}

/// §9.1: whether it is no key frame (1 bit), version 0 (3), shown (1), length of the first
/// partition (19).
fn frame_tag(key: bool, first_partition: usize) -> Vec<u8> {
    let tag = u32::from(!key) | 1 << 4 | (first_partition as u32) << 5;
    tag.to_le_bytes()[..3].to_vec()
}

/// §9.2 to §9.11, in the order of §19.2.
fn write_header(out: &mut BoolEncoder, key: bool) {
    if key {
        out.literal(0, 1); // colour space
        out.literal(0, 1); // pixels are clamped
    }
    out.literal(0, 1); // no segments
    out.literal(0, 1); // normal loop filter,
    out.literal(0, 6); // of level 0: none
    out.literal(0, 3); // sharpness
    out.literal(0, 1); // no adjustments of the filter
    out.literal(0, 2); // one partition of tokens
    out.literal(QUANTIZER, 7);
    out.literal(0, 5); // no differences for other planes
    if key {
        out.literal(1, 1); // probabilities stay
    } else {
        out.literal(0, 1); // the golden frame stays,
        out.literal(0, 1); // and the alternate one,
        out.literal(0, 2); // nothing is copied to the golden frame,
        out.literal(0, 2); // nor to the other
        out.literal(0, 2); // no signs are turned
        out.literal(1, 1); // probabilities stay
        out.literal(1, 1); // the next frame needs this one
    }
    for probability in tables::COEFFICIENT_UPDATE.iter().flatten() {
        out.bit(false, *probability); // all probabilities of tokens stay at their defaults
    }
    out.literal(0, 1); // macroblocks without coefficients are not marked
    if !key {
        out.literal(INTRA.into(), 8);
        out.literal(128, 8); // of the last frame as the reference
        out.literal(128, 8); // of the golden frame
        out.literal(0, 1); // default probabilities of luma modes,
        out.literal(0, 1); // and of chroma modes
        for probability in tables::MOTION_VECTOR_UPDATE.iter().flatten() {
            out.bit(false, *probability);
        }
    }
}

fn write_macroblocks(
    modes: &mut BoolEncoder,
    tokens: &mut BoolEncoder,
    blocks: &Blocks,
    key: bool,
) {
    let columns = usize::from(blocks.columns);
    // What the decoder will have: brightness, and whether there was a coefficient.
    let mut above: Vec<Option<(u8, bool)>> = vec![None; columns];
    for row in blocks.luma.chunks_exact(columns) {
        let mut left = None;
        for (wanted, above) in row.iter().zip(&mut above) {
            write_modes(modes, key);
            let predicted = predict(left.map(|(luma, _)| luma), above.map(|(luma, _)| luma));
            let level = level(i32::from(*wanted) - i32::from(predicted));
            let context = [left, *above];
            let context = context.iter().flatten().filter(|(_, coded)| *coded).count();
            write_tokens(tokens, level, context);
            let decoded = (i32::from(predicted) + residual(level)).clamp(0, 255) as u8;
            let done = Some((decoded, level != 0));
            (left, *above) = (done, done);
        }
    }
}

/// `DC_PRED` for luma and chroma: §11.2 and §16.1.
fn write_modes(out: &mut BoolEncoder, key: bool) {
    if key {
        out.bit(true, 145); // not B_PRED
        out.bit(false, 156); // DC_PRED or V_PRED
        out.bit(false, 163); // DC_PRED
        out.bit(false, 142); // chroma: DC_PRED
    } else {
        out.bit(false, INTRA);
        out.bit(false, 112);
        out.bit(false, 162);
    }
}

/// §12.2: the mean of the row above and of the column to the left, where there are any.
fn predict(left: Option<u8>, above: Option<u8>) -> u8 {
    match (left, above) {
        (Some(left), Some(above)) => (u16::from(left) + u16::from(above)).div_ceil(2) as u8,
        (Some(edge), None) | (None, Some(edge)) => edge,
        (None, None) => 128,
    }
}

/// The coefficient that comes nearest to a difference in brightness.
fn level(difference: i32) -> i32 {
    let estimate = difference * 64 / Y2_DC_STEP;
    let error = |level: &i32| (residual(*level) - difference).abs();
    (estimate - 1..=estimate + 1).min_by_key(error).unwrap_or(0)
}

/// What a decoder adds to each pixel for a coefficient: §14.3 (with all others zero), §14.4.
fn residual(level: i32) -> i32 {
    (((level * Y2_DC_STEP + 3) >> 3) + 4) >> 3
}

/// §13: the coefficients of a macroblock. `context`: how many of the two neighbours have one.
fn write_tokens(out: &mut BoolEncoder, level: i32, context: usize) {
    let probabilities = &tables::Y2_FIRST[context];
    if level == 0 {
        out.bit(false, probabilities[0]); // the end, at once
    } else {
        out.bit(true, probabilities[0]);
        write_level(out, level, probabilities);
        let end = tables::Y2_SECOND_END[usize::from(level.abs() > 1)];
        out.bit(false, end);
    }
    for _ in 0..16 {
        out.bit(false, tables::Y_END);
    }
    for _ in 0..8 {
        out.bit(false, tables::CHROMA_END);
    }
}

/// §13.2: the token of a level other than 0, its extra bits and its sign.
fn write_level(out: &mut BoolEncoder, level: i32, probabilities: &[u8; 11]) {
    let value = level.unsigned_abs();
    out.bit(true, probabilities[1]); // not zero
    out.bit(value > 1, probabilities[2]);
    if value > 1 {
        out.bit(value > 4, probabilities[3]);
        if value <= 4 {
            out.bit(value > 2, probabilities[4]);
            if value > 2 {
                out.bit(value == 4, probabilities[5]);
            }
        } else {
            let category = tables::category(value);
            for (bit, probability) in category.path {
                out.bit(*bit, probabilities[*probability]);
            }
            let extra = value - category.first;
            for (place, probability) in category.extra.iter().rev().enumerate().rev() {
                out.bit(extra >> place & 1 == 1, *probability);
            }
        }
    }
    out.bit(level < 0, 128);
}

/// Width and height of a macroblock in pixels.
pub(crate) const MACROBLOCK: u16 = 16;
/// The coarsest: brightness comes within 3 of what is wanted, and small numbers are cheap.
const QUANTIZER: u32 = 127;
/// §14.1: twice the last entry of the table for means.
const Y2_DC_STEP: i32 = 2 * 157;
/// Probability that a macroblock needs no other frame, of 256: all are so.
const INTRA: u8 = 255;

#[cfg(test)]
mod tests;
