//! How fast to send: congestion controllers.
