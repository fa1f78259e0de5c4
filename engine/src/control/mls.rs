//! What stands in clear at the front of MLS messages (RFC 9420 §6), for the delivery service that orders them.
//!
//! Reads framing and opens nothing. Whether a message is genuine its members decide; these checks only keep the obviously wrong from them.

/// A read past the end, or a value that RFC 9420 does not allow there.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// The message ends too early.
    #[error("the MLS message is cut short")]
    Truncated,
    /// A length that is not in its shortest form, or with the prefix 0b11 (§2.1.2).
    #[error("an MLS length is not minimal")]
    Length,
    /// Another protocol version than mls10 (§6).
    #[error("an MLS version other than 1.0")]
    Version,
    /// Not the kind of message that belongs here.
    #[error("an MLS message of another kind")]
    Kind,
    /// A value that the registries do not know.
    #[error("an MLS value outside of its registry")]
    Value,
}

/// A credential (§5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential<'a> {
    /// The identity, as the application writes it.
    Basic(&'a [u8]),
    /// A certificate chain, which only members check.
    X509,
}

/// The front of a KeyPackage (§10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPackage<'a> {
    /// The cipher suite's number.
    pub suite: u16,
    /// Of its leaf.
    pub credential: Credential<'a>,
}

/// Who signed a commit (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitSender<'a> {
    /// The member at this leaf.
    Member(u32),
    /// One who comes in by this commit (§12.4.3.2), with the credential of the new leaf.
    New(Credential<'a>),
}

/// The front of a PublicMessage with a commit (§6.2, §12.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit<'a> {
    /// Of the group.
    pub group_id: &'a [u8],
    /// The epoch that it ends.
    pub epoch: u64,
    /// Who signed it.
    pub sender: CommitSender<'a>,
}

/// The front of a GroupInfo (§12.4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupInfo<'a> {
    /// The cipher suite's number.
    pub suite: u16,
    /// Of the group.
    pub group_id: &'a [u8],
    /// The epoch that it describes.
    pub epoch: u64,
}

const MLS10: u16 = 1;
const PUBLIC_MESSAGE: u16 = 1;
const WELCOME: u16 = 3;
const GROUP_INFO: u16 = 4;
const KEY_PACKAGE: u16 = 5;

const SENDER_MEMBER: u8 = 1;
const SENDER_NEW_MEMBER_COMMIT: u8 = 4;
const CONTENT_COMMIT: u8 = 3;
const CREDENTIAL_BASIC: u16 = 1;
const CREDENTIAL_X509: u16 = 2;

impl<'a> KeyPackage<'a> {
    /// Reads the front of an MLSMessage that holds a KeyPackage.
    ///
    /// # Errors
    ///
    /// [`FramingError`].
    pub fn parse(message: &'a [u8]) -> Result<Self, FramingError> {
        let mut input = Input::message(message, KEY_PACKAGE)?;
        input.version()?;
        let suite = input.u16()?;
        input.vector()?; // init_key
        let credential = input.leaf_credential()?;
        Ok(Self { suite, credential })
    }
}

impl<'a> Commit<'a> {
    /// Reads the front of an MLSMessage that holds a PublicMessage with a commit.
    ///
    /// # Errors
    ///
    /// [`FramingError`].
    pub fn parse(message: &'a [u8]) -> Result<Self, FramingError> {
        let mut input = Input::message(message, PUBLIC_MESSAGE)?;
        let group_id = input.vector()?;
        let epoch = input.u64()?;
        let member = match input.u8()? {
            SENDER_MEMBER => Some(input.u32()?),
            SENDER_NEW_MEMBER_COMMIT => None,
            _ => return Err(FramingError::Value),
        };
        input.vector()?; // authenticated_data
        if input.u8()? != CONTENT_COMMIT {
            return Err(FramingError::Kind);
        }
        let sender = match member {
            Some(leaf) => CommitSender::Member(leaf),
            None => {
                input.vector()?; // proposals
                if input.u8()? != 1 {
                    // An external commit has a path (§12.4.3.2).
                    return Err(FramingError::Value);
                }
                CommitSender::New(input.leaf_credential()?)
            }
        };
        Ok(Self {
            group_id,
            epoch,
            sender,
        })
    }
}

impl<'a> GroupInfo<'a> {
    /// Reads the front of an MLSMessage that holds a GroupInfo.
    ///
    /// # Errors
    ///
    /// [`FramingError`].
    pub fn parse(message: &'a [u8]) -> Result<Self, FramingError> {
        let mut input = Input::message(message, GROUP_INFO)?;
        input.version()?;
        Ok(Self {
            suite: input.u16()?,
            group_id: input.vector()?,
            epoch: input.u64()?,
        })
    }
}

/// Checks that an MLSMessage holds a Welcome (§12.4.3.1); returns the number of its cipher suite.
///
/// # Errors
///
/// [`FramingError`].
pub fn welcome_suite(message: &[u8]) -> Result<u16, FramingError> {
    Input::message(message, WELCOME)?.u16()
}

/// What has not been read yet.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// The body of an MLSMessage of `wire_format` (§6).
    fn message(bytes: &'a [u8], wire_format: u16) -> Result<Self, FramingError> {
        let mut input = Self(bytes);
        input.version()?;
        if input.u16()? != wire_format {
            return Err(FramingError::Kind);
        }
        Ok(input)
    }

    fn version(&mut self) -> Result<(), FramingError> {
        match self.u16()? {
            MLS10 => Ok(()),
            _ => Err(FramingError::Version),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], FramingError> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(FramingError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn integer(&mut self, bytes: usize) -> Result<u64, FramingError> {
        let taken = self.take(bytes)?;
        Ok(taken
            .iter()
            .fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    fn u8(&mut self) -> Result<u8, FramingError> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, FramingError> {
        Ok(self.integer(2)? as u16)
    }

    fn u32(&mut self) -> Result<u32, FramingError> {
        Ok(self.integer(4)? as u32)
    }

    fn u64(&mut self) -> Result<u64, FramingError> {
        self.integer(8)
    }

    /// A variable-size vector (§2.1.2): the top two bits of its length say how many bytes that takes.
    fn vector(&mut self) -> Result<&'a [u8], FramingError> {
        let first = *self.0.first().ok_or(FramingError::Truncated)?;
        let (bytes, least) = match first >> 6 {
            0 => (1, 0),
            1 => (2, 1 << 6),
            2 => (4, 1 << 14),
            _ => return Err(FramingError::Length),
        };
        let length = self.integer(bytes)? & ((1 << (8 * bytes - 2)) - 1);
        if length < least {
            return Err(FramingError::Length);
        }
        self.take(usize::try_from(length).map_err(|_| FramingError::Truncated)?)
    }

    /// The credential of a LeafNode that starts here (§7.2).
    fn leaf_credential(&mut self) -> Result<Credential<'a>, FramingError> {
        self.vector()?; // encryption_key
        self.vector()?; // signature_key
        match self.u16()? {
            CREDENTIAL_BASIC => Ok(Credential::Basic(self.vector()?)),
            CREDENTIAL_X509 => Ok(Credential::X509),
            _ => Err(FramingError::Value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vector(content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let prefix = match length {
            0..64 => vec![length as u8],
            64..16_384 => (0x4000 | length as u16).to_be_bytes().to_vec(),
            _ => (0x8000_0000 | length as u32).to_be_bytes().to_vec(),
        };
        [prefix, content.to_vec()].concat()
    }

    fn leaf(identity: &[u8]) -> Vec<u8> {
        [
            vector(&[4; 65]),
            vector(&[5; 65]),
            vec![0, 1],
            vector(identity),
        ]
        .concat()
    }

    fn external_commit(identity: &[u8]) -> Vec<u8> {
        [
            vec![0, 1, 0, 1],
            vector(b"room"),
            7u64.to_be_bytes().to_vec(),
            vec![SENDER_NEW_MEMBER_COMMIT],
            vector(b""),
            vec![CONTENT_COMMIT],
            vector(&[9; 300]),
            vec![1],
            leaf(identity),
        ]
        .concat()
    }

    #[test]
    fn a_key_package_tells_its_suite_and_identity() {
        let message = [
            vec![0, 1, 0, 5, 0, 1, 0xf0, 0x01],
            vector(&[3; 65]),
            leaf(b"ada"),
        ]
        .concat();
        let parsed = KeyPackage::parse(&message).unwrap();
        assert_eq!(parsed.suite, 0xf001);
        assert_eq!(parsed.credential, Credential::Basic(b"ada"));
    }

    #[test]
    fn a_commit_tells_its_epoch_and_who_comes_in_by_it() {
        let message = external_commit(b"bob");
        let parsed = Commit::parse(&message).unwrap();
        assert_eq!((parsed.group_id, parsed.epoch), (&b"room"[..], 7));
        assert_eq!(parsed.sender, CommitSender::New(Credential::Basic(b"bob")));

        let of_a_member = [
            vec![0, 1, 0, 1],
            vector(b"room"),
            7u64.to_be_bytes().to_vec(),
            vec![SENDER_MEMBER, 0, 0, 0, 5],
            vector(b""),
            vec![CONTENT_COMMIT],
        ]
        .concat();
        let parsed = Commit::parse(&of_a_member).unwrap();
        assert_eq!(parsed.sender, CommitSender::Member(5));
    }

    #[test]
    fn every_shorter_message_is_refused() {
        let message = external_commit(b"bob");
        for length in 0..message.len() {
            assert_eq!(
                Commit::parse(&message[..length]),
                Err(FramingError::Truncated),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn a_length_has_one_form() {
        let read = |bytes: &[u8]| Input(bytes).vector().map(<[u8]>::to_vec);
        assert_eq!(read(&[1, 7]), Ok(vec![7]));
        assert_eq!(read(&[0x40, 1, 7]), Err(FramingError::Length));
        assert_eq!(read(&[0x80, 0, 0, 1, 7]), Err(FramingError::Length));
        assert_eq!(read(&[0xc0, 7]), Err(FramingError::Length));
    }

    #[test]
    fn another_version_and_another_kind_are_refused() {
        let message = external_commit(b"bob");
        let with = |index: usize, byte: u8| {
            let mut message = message.clone();
            message[index] = byte;
            Commit::parse(&message).map(|_| ())
        };
        assert_eq!(with(1, 2), Err(FramingError::Version));
        assert_eq!(with(3, 2), Err(FramingError::Kind));
        assert_eq!(welcome_suite(&message), Err(FramingError::Kind));
        assert_eq!(welcome_suite(&[0, 1, 0, 3, 0xf0, 1, 0]), Ok(0xf001));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80), kind in 1u8..6) {
            let message = [&[0, 1, 0, kind][..], &bytes].concat();
            let _ = (KeyPackage::parse(&message), Commit::parse(&message), GroupInfo::parse(&message), welcome_suite(&message));
        }
    }
}
