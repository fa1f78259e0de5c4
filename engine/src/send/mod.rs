//! Sealed frames to packets: the sending half of the engine.
