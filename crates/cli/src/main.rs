//! The `brink` command.

fn main() {
    brink_cli::start()
}
