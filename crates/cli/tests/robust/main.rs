//! The command where something gives way: readers that leave, signals, full disks, second runs; and
//! runs that go on after it.

#![cfg(all(unix, feature = "flex"))]

mod checkpoints;
mod command;
mod fork;
mod full_disk;
mod in_use;
mod measure;
mod panics;
mod resume;
mod signals;
mod telling;
mod words;
