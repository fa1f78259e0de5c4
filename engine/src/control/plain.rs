//! Fields of control messages as parts of plain objects: enumerations by name, bytes as bytes.
//!
//! The attributes of the generated types name these functions: `proto/generate`.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::v1::{LeaveReason, MediaKind, Role, StreamType};

pub(super) fn role<S: Serializer>(number: &i32, to: S) -> Result<S::Ok, S::Error> {
    by_name(*number, Role::Anchor, to)
}

pub(super) fn leave_reason<S: Serializer>(number: &i32, to: S) -> Result<S::Ok, S::Error> {
    by_name(*number, LeaveReason::Left, to)
}

pub(super) fn media_kind<S: Serializer>(number: &i32, to: S) -> Result<S::Ok, S::Error> {
    by_name(*number, MediaKind::Video, to)
}

pub(super) fn stream_type<S: Serializer>(number: &i32, to: S) -> Result<S::Ok, S::Error> {
    by_name(*number, StreamType::Main, to)
}

/// `otherwise` stands for a number that this version does not know, and for none.
fn by_name<E, S>(number: i32, otherwise: E, to: S) -> Result<S::Ok, S::Error>
where
    E: TryFrom<i32> + Default + PartialEq + Serialize,
    S: Serializer,
{
    let name = E::try_from(number).ok();
    let name = name.filter(|name| *name != E::default());
    name.unwrap_or(otherwise).serialize(to)
}

/// The number of an enumeration from its name.
pub(super) fn number<'de, E, D>(from: D) -> Result<i32, D::Error>
where
    E: Deserialize<'de> + Into<i32>,
    D: Deserializer<'de>,
{
    E::deserialize(from).map(Into::into)
}

/// Bytes, which serde would take for a list of numbers.
pub(super) fn bytes<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}
