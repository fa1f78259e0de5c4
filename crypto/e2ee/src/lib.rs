//! End-to-end sealing of media frames: SFrame (RFC 9605) and the sources of its keys.
