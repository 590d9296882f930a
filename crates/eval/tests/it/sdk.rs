//! The parts of the SDK that need a collector: what they record and read is compared with what is
//! stored, by plain HTTP.

mod attachments;
mod datasets;
mod experiments;
mod exports;
mod feedback;
mod logs;
mod overflow;
