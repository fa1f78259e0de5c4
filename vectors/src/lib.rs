//! Conformance vectors and their loader.
