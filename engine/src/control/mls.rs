//! What stands in clear at the front of MLS messages (RFC 9420 §6), for the delivery service that
//! orders them.
//!
//! Reads framing and opens nothing. Whether a message is genuine its members decide; these checks
//! only keep the obviously wrong from them.

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
    /// The credential of its leaf.
    pub credential: Credential<'a>,
    /// Its identity: the bytes from the suite to the credential, with the three public keys.
    /// Nobody can make another with the same keys and a valid signature.
    pub known_by: &'a [u8],
}

/// Who signed a commit (§6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitSender {
    /// The member at this leaf.
    Member(u32),
    /// One who comes in by this commit (§12.4.3.2).
    New,
}

/// What a PublicMessage with a commit (§6.2, §12.4) says in clear, up to the credential of its
/// sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit<'a> {
    /// The group.
    pub group_id: &'a [u8],
    /// The epoch that it ends.
    pub epoch: u64,
    /// Who signed it.
    pub sender: CommitSender,
    /// Those it adds.
    pub adds: Vec<KeyPackage<'a>>,
    /// The credential of the sender's leaf in the epoch that begins.
    pub credential: Credential<'a>,
}

/// The front of a GroupInfo (§12.4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupInfo<'a> {
    /// The cipher suite's number.
    pub suite: u16,
    /// The group.
    pub group_id: &'a [u8],
    /// The epoch that it describes.
    pub epoch: u64,
}

const MLS10: u16 = 1;
const HEARTBEAT_VERSION: u8 = 1;
const PUBLIC_MESSAGE: u16 = 1;
const WELCOME: u16 = 3;
const GROUP_INFO: u16 = 4;
const KEY_PACKAGE: u16 = 5;

const SENDER_MEMBER: u8 = 1;
const SENDER_NEW_MEMBER_COMMIT: u8 = 4;
const CONTENT_COMMIT: u8 = 3;
const PROPOSAL_BY_VALUE: u8 = 1;
const ADD: u16 = 1;
const REMOVE: u16 = 3;
const EXTERNAL_INIT: u16 = 6;
const LEAF_OF_KEY_PACKAGE: u8 = 1;
const CREDENTIAL_BASIC: u16 = 1;
const CREDENTIAL_X509: u16 = 2;

impl<'a> KeyPackage<'a> {
    /// Reads the front of an MLSMessage that holds a KeyPackage.
    ///
    /// # Errors
    ///
    /// [`FramingError`].
    pub fn parse(message: &'a [u8]) -> Result<Self, FramingError> {
        Input::message(message, KEY_PACKAGE)?.key_package_front()
    }
}

impl<'a> Commit<'a> {
    /// Reads the front of an MLSMessage that holds a PublicMessage with a commit, as rooms take
    /// them: Add, Remove and ExternalInit by value, and an update path.
    ///
    /// # Errors
    ///
    /// [`FramingError`].
    pub fn parse(message: &'a [u8]) -> Result<Self, FramingError> {
        let mut input = Input::message(message, PUBLIC_MESSAGE)?;
        let group_id = input.vector()?;
        let epoch = input.u64()?;
        let sender = match input.u8()? {
            SENDER_MEMBER => CommitSender::Member(input.u32()?),
            SENDER_NEW_MEMBER_COMMIT => CommitSender::New,
            _ => return Err(FramingError::Value),
        };
        input.vector()?; // authenticated_data
        if input.u8()? != CONTENT_COMMIT {
            return Err(FramingError::Kind);
        }
        let adds = Input(input.vector()?).adds()?;
        if input.u8()? != 1 {
            return Err(FramingError::Value); // no path
        }
        Ok(Self {
            group_id,
            epoch,
            sender,
            adds,
            credential: input.leaf_credential()?,
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

/// The epoch that a heartbeat (SPEC.md §7.5) names; `None` if it is none that we know.
pub fn heartbeat_epoch(heartbeat: &[u8]) -> Option<u64> {
    let mut input = Input(heartbeat);
    let version = input.u8().ok()?;
    input.u32().ok()?; // leaf index
    let epoch = input.u64().ok()?;
    (version == HEARTBEAT_VERSION).then_some(epoch)
}

/// The bytes that have not been read yet.
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

    /// A variable-size vector (§2.1.2): the top two bits of its length say how many bytes that
    /// takes.
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

    /// The proposals of a commit until the end (§12.1): the KeyPackages of its Adds.
    fn adds(mut self) -> Result<Vec<KeyPackage<'a>>, FramingError> {
        let mut adds = Vec::new();
        while !self.0.is_empty() {
            if self.u8()? != PROPOSAL_BY_VALUE {
                return Err(FramingError::Value);
            }
            match self.u16()? {
                ADD => adds.push(self.key_package()?),
                REMOVE => {
                    self.u32()?; // leaf index
                }
                EXTERNAL_INIT => {
                    self.vector()?; // kem_output
                }
                _ => return Err(FramingError::Value),
            }
        }
        Ok(adds)
    }

    /// A whole KeyPackage (§10).
    fn key_package(&mut self) -> Result<KeyPackage<'a>, FramingError> {
        let front = self.key_package_front()?;
        for _ in 0..5 {
            self.vector()?; // capabilities
        }
        if self.u8()? != LEAF_OF_KEY_PACKAGE {
            return Err(FramingError::Value);
        }
        self.take(16)?; // lifetime
        self.vector()?; // extensions of the leaf
        self.vector()?; // signature of the leaf
        self.vector()?; // extensions
        self.vector()?; // signature
        Ok(front)
    }

    /// The front of a KeyPackage, up to the credential.
    fn key_package_front(&mut self) -> Result<KeyPackage<'a>, FramingError> {
        self.version()?;
        let begin = self.0;
        let suite = self.u16()?;
        self.vector()?; // init_key
        let credential = self.leaf_credential()?;
        Ok(KeyPackage {
            suite,
            credential,
            known_by: &begin[..begin.len() - self.0.len()],
        })
    }

    /// The credential of a LeafNode that starts here (§7.2).
    fn leaf_credential(&mut self) -> Result<Credential<'a>, FramingError> {
        self.vector()?; // encryption_key
        self.vector()?; // signature_key
        match self.u16()? {
            CREDENTIAL_BASIC => Ok(Credential::Basic(self.vector()?)),
            CREDENTIAL_X509 => {
                self.vector()?; // certificates
                Ok(Credential::X509)
            }
            _ => Err(FramingError::Value),
        }
    }
}

#[cfg(test)]
mod tests;
