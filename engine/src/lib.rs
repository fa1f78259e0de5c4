//! The sans-IO media engine: wire formats, sending, receiving, rate control, synchronisation.
