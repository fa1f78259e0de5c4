//! Bots and an impaired network path, for tests and measurements.
fn main() {}
