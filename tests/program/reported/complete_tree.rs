//! What npm leaves out of the tree, and whether that is told.
