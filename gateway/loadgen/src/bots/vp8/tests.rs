use super::*;
use crate::bots::test_card;

/// The luma of a key frame, decoded by a foreign decoder, one value for each macroblock; each must
/// be flat, and the whole frame grey.
fn decoded(blocks: &Blocks) -> Vec<u8> {
    let frame = encode(blocks, true);
    // A WebP image of the simple format is a VP8 key frame behind twenty bytes.
    let even = frame.len() + frame.len() % 2;
    let mut file = b"RIFF".to_vec();
    file.extend((12 + even as u32).to_le_bytes());
    file.extend(b"WEBPVP8 ");
    file.extend((frame.len() as u32).to_le_bytes());
    file.extend(&frame);
    file.resize(20 + even, 0);
    let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(file)).unwrap();
    let columns = usize::from(blocks.columns);
    let size = usize::from(MACROBLOCK);
    let (width, height) = decoder.dimensions();
    assert_eq!(width as usize, columns * size);
    assert_eq!(height as usize, blocks.luma.len() / columns * size);
    let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
    decoder.read_image(&mut pixels).unwrap();
    let pixel = |x: usize, y: usize| &pixels[(y * width as usize + x) * 3..][..3];
    let block = |at: usize| {
        let (x, y) = (at % columns * size, at / columns * size);
        let corner = pixel(x, y);
        for inside in 0..size * size {
            assert_eq!(pixel(x + inside % size, y + inside / size), corner);
        }
        // Conversion to RGB rounds each colour by itself.
        let is_grey = corner.iter().all(|colour| colour.abs_diff(corner[0]) <= 1);
        assert!(is_grey, "{corner:?}");
        // From the full range of RGB back to that of video.
        (f64::from(corner[0]) * 219.0 / 255.0 + 16.0).round() as u8
    };
    (0..blocks.luma.len()).map(block).collect()
}

#[test]
fn a_foreign_decoder_finds_the_brightness_of_each_block() {
    for (number, time) in [(0, 0), (1, 0xffff_ffff), (0x00ab_cdef, 0xdead_beef)] {
        let blocks = test_card::draw(number, time, 1);
        for (decoded, wanted) in decoded(&blocks).iter().zip(&blocks.luma) {
            assert!(decoded.abs_diff(*wanted) <= 4, "{decoded} for {wanted}");
        }
    }
}

#[test]
fn every_step_of_brightness_can_be_coded() {
    // From each level of a coarse scale to each other: all categories of tokens, both signs.
    let scale = [16, 20, 30, 45, 60, 80, 100, 128, 150, 180, 210, 235];
    let luma: Vec<u8> = scale
        .iter()
        .flat_map(|from| scale.iter().flat_map(|to| [*from, *to]))
        .collect();
    let blocks = Blocks { columns: 24, luma };
    for (decoded, wanted) in decoded(&blocks).iter().zip(&blocks.luma) {
        assert!(decoded.abs_diff(*wanted) <= 4, "{decoded} for {wanted}");
    }
}

#[test]
fn a_frame_that_is_no_key_frame_says_so_and_has_no_start_code() {
    let blocks = test_card::draw(7, 7, 1);
    let (key, delta) = (encode(&blocks, true), encode(&blocks, false));
    assert_eq!((key[0] & 1, delta[0] & 1), (0, 1));
    assert_eq!(key[3..6], [0x9d, 0x01, 0x2a]);
    assert_ne!(delta[3..6], [0x9d, 0x01, 0x2a]);
    assert!(
        key.len() < 2_000 && delta.len() < 2_000,
        "{} {}",
        key.len(),
        delta.len()
    );
}
