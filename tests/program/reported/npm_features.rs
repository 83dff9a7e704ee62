//! Settings that this exact version of npm does not know.
