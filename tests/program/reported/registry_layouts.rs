//! Registries that put tarballs elsewhere than npm's own registry does.
