//! Conformance vectors and their loader, for the tests of any crate.
//!
//! The files are data with an origin and a licence each, listed in `vectors/README.md`. This crate
//! reads them at run time; it computes nothing and depends on no cipher.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Reads and parses a JSON file of `vectors/`, such as `sframe/rfc9605-test-vectors.json`.
///
/// # Panics
///
/// If the file is not there or does not have the shape of `T`: for tests only.
pub fn load<T: DeserializeOwned>(name: &str) -> T {
    let path = directory().join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The folder `vectors/` of the tree that this was built from.
pub fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file converted from another project's tables: `{"source", …, "tests": […]}`.
#[derive(Debug, Deserialize)]
pub struct Converted<T> {
    /// The cases.
    pub tests: Vec<T>,
}

/// A Wycheproof file: `{"testGroups": [{"tests": […], …}]}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wycheproof<G> {
    /// How many cases there are in all groups.
    pub number_of_tests: usize,
    /// Cases with common parameters.
    pub test_groups: Vec<G>,
}

/// Bytes that a vector file writes as hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

impl Hex {
    /// The bytes that `text` writes; none if it is not hexadecimal.
    pub fn parse(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }
}

impl std::ops::Deref for Hex {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not hexadecimal"))
    }
}

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write;
        let mut text = String::with_capacity(2 * self.0.len());
        for byte in &self.0 {
            write!(text, "{byte:02x}").map_err(serde::ser::Error::custom)?;
        }
        serializer.serialize_str(&text)
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_of_odd_length_or_with_other_letters_is_refused() {
        assert_eq!(decode("00fF"), Some(vec![0, 255]));
        assert_eq!(decode("0"), None);
        assert_eq!(decode("0g"), None);
    }
}
