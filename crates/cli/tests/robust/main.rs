//! The command where something gives way: readers that leave, signals, full disks, second runs.

#![cfg(all(unix, feature = "flex"))]

mod command;
mod full_disk;
mod in_use;
mod panics;
mod signals;
mod telling;
mod words;
