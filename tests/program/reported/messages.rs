//! What a failed install is told as: the package, the line, npm's words, the mend.
