use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Role, TokenError};

/// Tolerated difference of clocks between the issuer and the gateway.
const LEEWAY: Duration = Duration::from_secs(30);

/// The claims of a join token, by their names in the JWT. All others are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    /// Room.
    pub(super) room: String,
    /// User.
    pub(super) sub: String,
    /// Role.
    #[serde(default = "least")]
    pub(super) role: Role,
    /// Expiry; required.
    exp: NumericDate,
    /// Not valid before.
    nbf: Option<NumericDate>,
}

/// A token without a role gets the role with the fewest rights.
fn least() -> Role {
    Role::Audience
}

impl Claims {
    /// Checks the claims that say when a token is valid; `now` counts from 1970.
    pub(super) fn check_time(&self, now: Duration) -> Result<(), TokenError> {
        let (now, leeway) = (now.as_secs_f64(), LEEWAY.as_secs_f64());
        if self.exp.0 + leeway < now {
            return Err(TokenError::Expired);
        }
        if self.nbf.is_some_and(|nbf| nbf.0 > now + leeway) {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }
}

/// Seconds since 1970 as RFC 7519 §2 has them: any JSON number, with a fraction, an exponent or a
/// sign.
#[derive(Clone, Copy, Debug)]
struct NumericDate(f64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if !seconds.is_finite() {
            return Err(de::Error::custom("no time"));
        }
        Ok(Self(seconds))
    }
}

/// The claims of a token that the gateway signs itself.
#[derive(Debug, Serialize)]
pub(super) struct NewClaims<'a> {
    pub(super) room: &'a str,
    pub(super) sub: &'a str,
    pub(super) role: Role,
    pub(super) exp: u64,
    pub(super) nbf: u64,
    pub(super) iat: u64,
}
