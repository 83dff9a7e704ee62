//! What two lockfiles install differently.
