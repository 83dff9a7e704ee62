//! Hosts that do not answer, and networks that are not there.
