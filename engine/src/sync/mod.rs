//! Alignment of sound and picture.
