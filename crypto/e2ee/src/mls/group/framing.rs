//! What `mls-rs` checks of a commit and does not tell.

/// Whether a commit brings an update path; `None` of what is no commit in a PublicMessage.
///
/// RFC 9420 lets a commit that only adds members do without. The rooms' do not (`crypto/SPEC.md`
/// §7.3): it would give the group no fresh secret.
pub(super) fn has_update_path(message: &[u8]) -> Option<bool> {
    let mut reader = Reader(message);
    // MLSMessage (§6): version, wire_format = mls_public_message.
    let [_, _, 0, 1] = reader.take()? else {
        return None;
    };
    // FramedContent: group_id, epoch, sender, authenticated_data, content_type = commit.
    reader.skip_vector()?;
    reader.take::<8>()?;
    let [sender] = reader.take()?;
    if matches!(sender, MEMBER | EXTERNAL) {
        reader.take::<4>()?;
    }
    reader.skip_vector()?;
    let [3] = reader.take()? else {
        return None;
    };
    // Commit (§12.4): proposals, optional<UpdatePath>.
    reader.skip_vector()?;
    match reader.take()? {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

/// Senders that are named by an index.
const MEMBER: u8 = 1;
const EXTERNAL: u8 = 2;

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    /// A vector with its length in front, as in RFC 9420 §2.1.2.
    fn skip_vector(&mut self) -> Option<()> {
        let [first] = self.take()?;
        let more = match first >> 6 {
            0 => 0,
            1 => 1,
            2 => 3,
            _ => return None,
        };
        let mut length = usize::from(first & 0x3f);
        for _ in 0..more {
            let [byte] = self.take()?;
            length = length << 8 | usize::from(byte);
        }
        self.0 = self.0.get(length..)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A commit by member 5 with `proposals` bytes of proposals, up to where its path begins.
    fn commit(proposals: usize) -> Vec<u8> {
        let mut message = vec![0, 1, 0, 1, 2, 0xaa, 0xbb];
        message.extend(7u64.to_be_bytes());
        message.extend([1, 0, 0, 0, 5, 0, 3]);
        message.extend((0x4000 | proposals as u16).to_be_bytes());
        message.resize(message.len() + proposals, 9);
        message
    }

    #[test]
    fn the_path_is_found_behind_proposals_of_any_length() {
        for proposals in [0, 1, 300, 16_000] {
            for (byte, found) in [(0, Some(false)), (1, Some(true)), (2, None)] {
                let mut message = commit(proposals);
                message.push(byte);
                assert_eq!(has_update_path(&message), found);
            }
            assert_eq!(has_update_path(&commit(proposals)), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at(bytes: Vec<u8>) {
            has_update_path(&bytes);
        }
    }
}
