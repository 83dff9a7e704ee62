//! The command line.

fn main() {
    std::process::exit(sealcheck::cli::main());
}
