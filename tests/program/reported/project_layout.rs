//! Projects that lie unusually: beside their dependencies, below a foreign npmrc.
