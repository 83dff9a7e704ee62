//! The catalogue embedded in the executable.
