//! Whose token npm sends where, and what the report says of it.
