//! A signature key and the request to certify it, before there is an engine.

use smrtc_crypto::secret::Secret;
use smrtc_e2ee::OsRng;
use smrtc_e2ee::mls::Identity;
use wasm_bindgen::prelude::*;

use crate::error::CallError;
use crate::js;

/// A signature key on its way to a certificate: the request goes to an authority; the key stays in
/// this worker until an [`UplinkEngine`](crate::uplink::UplinkEngine) takes it with the chain that
/// came back.
#[wasm_bindgen]
pub struct Enrolment {
    secret: Secret,
    request: Vec<u8>,
}

#[wasm_bindgen]
impl Enrolment {
    /// For `user` in rooms of the MLS suite `suite`, with the key `secret`, or a new one if that is
    /// empty.
    ///
    /// # Errors
    ///
    /// Throws if the suite is unknown, `secret` is no key of it, `user` is empty or too long, or
    /// there is no randomness.
    #[wasm_bindgen(constructor)]
    pub fn new(suite: &str, user: &str, secret: &[u8]) -> Result<Enrolment, JsValue> {
        let suite = js::mls_suite(suite)?;
        let identity = if secret.is_empty() {
            Identity::generate(suite, user, &mut OsRng)
        } else {
            Identity::from_secret(suite, user, secret)
        }
        .map_err(|_| CallError::Argument("identity"))?;
        let request = identity
            .certificate_request(&mut OsRng)
            .map_err(CallError::Request)?;
        Ok(Self {
            secret: identity.secret().clone(),
            request,
        })
    }

    /// The PKCS#10 request, in DER.
    #[wasm_bindgen(unchecked_return_type = "Uint8Array<ArrayBuffer>")]
    pub fn request(&self) -> Vec<u8> {
        self.request.clone()
    }

    /// Where the key lies in Wasm memory, until this is freed, which wipes it.
    #[wasm_bindgen(js_name = secretAddress)]
    pub fn secret_address(&self) -> usize {
        self.secret.expose().as_ptr().addr()
    }

    /// Of the key, in bytes.
    #[wasm_bindgen(js_name = secretLength)]
    pub fn secret_length(&self) -> usize {
        self.secret.expose().len()
    }
}
