//! Authenticated encryption, hashing and key derivation, national-standard and NIST.
