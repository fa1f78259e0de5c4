use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// A duration as people write it: "500ms", "10s", "5m", "12h", "7d"; a bare number counts seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written(Duration);

impl From<Written> for Duration {
    fn from(written: Written) -> Self {
        written.0
    }
}

impl FromStr for Written {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_duration(text).map(Self)
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Reads "500ms", "10s", "5m", "12h" or "7d"; a bare number counts seconds.
///
/// # Errors
///
/// A sentence for the one who wrote it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number
        .parse()
        .map_err(|_| format!("\"{text}\" does not start with a whole number"))?;
    let millis = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("\"{unit}\" is no unit; use ms, s, m, h or d")),
    };
    number
        .checked_mul(millis)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("\"{text}\" is too long"))
}
