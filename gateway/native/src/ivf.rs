//! IVF, the container in which encoders write single tracks of VP8, VP9 and AV1.
//!
//! A header of 32 bytes: `DKIF`, version (u16), header length (u16), codec (4 bytes), width and
//! height (u16), time base (denominator and numerator, u32), number of frames (u32), 4 unused
//! bytes. Then frames: length (u32), time stamp (u64), bytes. All little-endian.

use std::io::{self, Write};

/// Why a file is no IVF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IvfError {
    /// It does not begin with an IVF header.
    #[error("not an IVF file")]
    Header,
    /// It ends inside a frame.
    #[error("the file ends inside a frame")]
    Truncated,
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IvfFrame<'a> {
    /// In units of the file's time base.
    pub timestamp: u64,
    /// As the encoder made it.
    pub bytes: &'a [u8],
}

/// Reads a file that is in memory.
#[derive(Clone, Debug)]
pub struct IvfReader<'a> {
    codec: [u8; 4],
    size: (u16, u16),
    /// Denominator and numerator.
    time_base: (u32, u32),
    rest: &'a [u8],
}

impl<'a> IvfReader<'a> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`IvfError::Header`].
    pub fn new(file: &'a [u8]) -> Result<Self, IvfError> {
        let header: &[u8; HEADER_BYTES] = file.first_chunk().ok_or(IvfError::Header)?;
        let u16_at = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let u32_at = |at: usize| u32::from(u16_at(at)) | u32::from(u16_at(at + 2)) << 16;
        let rest = file.get(usize::from(u16_at(6))..);
        match rest {
            Some(rest) if header.starts_with(b"DKIF") && u16_at(6) >= 32 => Ok(Self {
                codec: [header[8], header[9], header[10], header[11]],
                size: (u16_at(12), u16_at(14)),
                time_base: (u32_at(16), u32_at(20)),
                rest,
            }),
            _ => Err(IvfError::Header),
        }
    }

    /// `VP80`, `VP90` or `AV01`.
    pub fn codec(&self) -> [u8; 4] {
        self.codec
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Time stamps in a second: denominator and numerator.
    pub fn time_base(&self) -> (u32, u32) {
        self.time_base
    }
}

impl<'a> Iterator for IvfReader<'a> {
    type Item = Result<IvfFrame<'a>, IvfError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let frame = read_frame(self.rest);
        self.rest = frame.map_or(&[], |(_, rest)| rest);
        Some(frame.map(|(frame, _)| frame).ok_or(IvfError::Truncated))
    }
}

/// Writes frames to a file, with time stamps in microseconds.
#[derive(Debug)]
pub struct IvfWriter<W> {
    file: W,
}

impl<W: Write> IvfWriter<W> {
    /// Writes the header, which leaves the number of frames at 0: it is not known yet, and readers
    /// go by the file's length. `codec` is `VP80`, `VP90` or `AV01`, `size` is width and height.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn new(mut file: W, codec: [u8; 4], size: (u16, u16)) -> io::Result<Self> {
        let mut header = b"DKIF\0\0\x20\0".to_vec();
        header.extend(codec);
        header.extend(size.0.to_le_bytes());
        header.extend(size.1.to_le_bytes());
        header.extend(1_000_000_u32.to_le_bytes());
        header.extend(1_u32.to_le_bytes());
        header.resize(HEADER_BYTES, 0);
        file.write_all(&header)?;
        Ok(Self { file })
    }

    /// Writes a frame.
    ///
    /// # Errors
    ///
    /// Those of the file; [`io::ErrorKind::InvalidInput`] for a frame of 4 GiB or more.
    pub fn write(&mut self, timestamp: u64, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&timestamp.to_le_bytes())?;
        self.file.write_all(bytes)
    }

    /// Writes what is still buffered.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn read_frame(bytes: &[u8]) -> Option<(IvfFrame<'_>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (timestamp, rest) = rest.split_first_chunk()?;
    let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let timestamp = u64::from_le_bytes(*timestamp);
    Some((IvfFrame { timestamp, bytes }, rest))
}

const HEADER_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn file(frames: &[&[u8]]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut writer = IvfWriter::new(&mut file, *b"VP80", (64, 48)).unwrap();
        for (number, frame) in frames.iter().enumerate() {
            writer.write(number as u64, frame).unwrap();
        }
        writer.finish().unwrap();
        file
    }

    #[test]
    fn frames_are_read_in_order() {
        let file = file(&[&[1, 2, 3], &[], &[4]]);
        assert_eq!(file[..20], *b"DKIF\0\0\x20\0VP80\x40\0\x30\0\x40\x42\x0f\0");
        let reader = IvfReader::new(&file).unwrap();
        assert_eq!((reader.codec(), reader.size()), (*b"VP80", (64, 48)));
        assert_eq!(reader.time_base(), (1_000_000, 1));
        let frames: Vec<_> = reader.map(|frame| frame.unwrap().bytes.to_vec()).collect();
        assert_eq!(frames, [vec![1, 2, 3], vec![], vec![4]]);
    }

    #[test]
    fn no_prefix_of_a_file_panics_and_a_cut_frame_is_told() {
        let file = file(&[&[1, 2, 3]]);
        for length in 0..file.len() {
            match IvfReader::new(&file[..length]) {
                Err(error) => assert!(length < 32 && error == IvfError::Header),
                Ok(mut reader) if length == 32 => assert_eq!(reader.next(), None),
                Ok(mut reader) => {
                    assert_eq!(reader.next(), Some(Err(IvfError::Truncated)));
                    assert_eq!(reader.next(), None);
                }
            }
        }
    }
}
