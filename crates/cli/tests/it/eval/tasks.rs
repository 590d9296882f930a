//! Programs as tasks.
