//! Sound: echo cancellation, noise suppression, gain, Opus, jitter buffer and concealment.
