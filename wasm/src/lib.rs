//! The browser binding: a thin shell where the engine and the sealing meet.
