//! Certificates of `vectors/`.

use std::fs;
use std::path::{Path, PathBuf};

use smrtc_e2ee::mls::{Identity, Suite};

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors")
}

/// One that `vectors/reference/x509.sh` made, in DER.
pub(crate) fn made(name: &str) -> Vec<u8> {
    read(vectors().join(format!("x509/{name}.der")))
}

/// One of openHiTLS, in DER.
pub(crate) fn hitls(name: &str) -> Vec<u8> {
    read(vectors().join("certs/hitls").join(name))
}

/// The private key of one that `vectors/reference/x509.sh` made.
pub(crate) fn secret(name: &str) -> Vec<u8> {
    let text = read(vectors().join(format!("x509/{name}.key.hex")));
    let digits = std::str::from_utf8(&text).expect("hexadecimal digits");
    (0..64)
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits"))
        .collect()
}

/// `user` with the certificate `name` and the authorities `rest`.
pub(crate) fn certified(suite: Suite, user: &str, name: &str, rest: &[&str]) -> Identity {
    let chain: Vec<_> = std::iter::once(&name)
        .chain(rest)
        .map(|it| made(it))
        .collect();
    Identity::with_chain(suite, user, &secret(name), &chain).expect("a certificate of this user")
}

fn read(path: PathBuf) -> Vec<u8> {
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
