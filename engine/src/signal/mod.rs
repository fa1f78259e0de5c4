//! The client's side of the control stream.
