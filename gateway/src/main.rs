//! The media gateway: authenticates, forwards, repairs; holds no key.
fn main() {}
