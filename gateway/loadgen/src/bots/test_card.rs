//! The test card that bots show: its number and the time as black and white blocks in the top two
//! rows, over a pattern that moves.
//!
//! Whoever decodes the video reads from it which frame it is and when it was drawn, after any path.
//! The code is that of the browser tests (`wasm/e2e/fixtures/picture_code.js`): 32 blocks in each
//! of two rows of 1/18 of the height.
//!
//! ```text
//! row 0: number of the frame (24 bits) ‖ time, high 8 bits
//! row 1: time, low 24 bits ‖ CRC-8 of the seven bytes before
//! ```
//!
//! The highest bit comes first, and white is 1. The time is in quarters of a millisecond since
//! 1970, modulo 2³².

use super::vp8::{Blocks, MACROBLOCK};

/// Draws frame `number`, `scale` times as wide and as high as the smallest ([`size`]).
pub(crate) fn draw(number: u32, unix_quarter_millis: u32, scale: u16) -> Blocks {
    let code = code(number, unix_quarter_millis);
    let columns = COLUMNS * scale;
    let rows = ROWS * scale;
    let mut luma = Vec::with_capacity(usize::from(columns) * usize::from(rows));
    for row in 0..rows {
        for column in 0..columns {
            let bit = row / scale * COLUMNS + column / scale;
            luma.push(match bit {
                0..64 if code >> (63 - bit) & 1 == 1 => WHITE,
                0..64 => BLACK,
                _ => pattern(column, row, number),
            });
        }
    }
    Blocks { columns, luma }
}

/// Width and height in pixels.
pub(crate) fn size(scale: u16) -> (u16, u16) {
    (COLUMNS * scale * MACROBLOCK, ROWS * scale * MACROBLOCK)
}

fn code(number: u32, time: u32) -> u64 {
    let fields = u64::from(number & 0x00ff_ffff) << 32 | u64::from(time);
    let bytes = fields.to_be_bytes();
    fields << 8 | u64::from(crc8(&bytes[1..]))
}

/// Polynomial 0x07, initial value 0xA5, so that a black frame carries no code.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0xa5, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| {
            crc << 1 ^ if crc & 0x80 == 0 { 0 } else { 0x07 }
        })
    })
}

/// Diagonal waves that move by one block in a frame.
fn pattern(column: u16, row: u16, number: u32) -> u8 {
    let phase = (u32::from(column) + u32::from(row) * 2 + number) % 32;
    let height = phase.min(32 - phase);
    60 + height as u8 * 8
}

const COLUMNS: u16 = 32;
const ROWS: u16 = 18;
const WHITE: u8 = 235;
const BLACK: u8 = 16;
/// The largest card is 2,048 × 1,152.
pub(crate) const MAX_SCALE: u16 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_that_of_the_browser_tests() {
        // picture_code.js: codeBits({ counter: 0xabcdef, time: 0xdeadbeef }), read as hexadecimal.
        assert_eq!(code(0x00ab_cdef, 0xdead_beef), 0xabcd_efde_adbe_efbf);
        let card = draw(0x00ab_cdef, 0xdead_beef, 2);
        assert_eq!(card.luma.len(), 64 * 36);
        // 0xa… is 1010…, each bit two blocks wide and two high.
        for row in [0, 64] {
            let bits = &card.luma[row..row + 8];
            assert_eq!(
                bits,
                [WHITE, WHITE, BLACK, BLACK, WHITE, WHITE, BLACK, BLACK]
            );
        }
        assert_eq!(size(2), (1_024, 576));
    }
}
