//! A package's class and registry belong to its lockfile entry, not to its name.
