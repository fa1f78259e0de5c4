use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// Reads a duration as people write it: "500ms", "10s", "5m", "12h", "7d", "1h 30m"; a bare number
/// counts seconds.
///
/// # Errors
///
/// A sentence that says what is wrong with the text.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let wrong = |why: &dyn std::fmt::Display| {
        format!("\"{text}\" is not a duration such as 500ms, 10s, 5m, 12h or 7d: {why}")
    };
    // humantime takes "5M" for five months. Whoever writes it means minutes.
    if text.contains('M') {
        return Err(wrong(&"write m for minutes"));
    }
    humantime::parse_duration(text).map_err(|error| wrong(&error))
}

/// [`parse_duration`] for an option in the configuration file.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map(Some).map_err(de::Error::custom)
}
