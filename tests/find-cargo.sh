# Sourced by tests/run and .ci/run: finds cargo where rustup has put it, also where it is
# not on the PATH or HOME is not the one that it was installed for.
if ! cargo --version >/dev/null 2>&1; then
    found="$(command -v cargo || true)"
    for folder in "${found%/.cargo/bin/cargo}" "${HOME:-}" "$(getent passwd "$(id -u)" | cut -d: -f6)"; do
        if [ -n "$folder" ] && [ -x "$folder/.cargo/bin/cargo" ]; then
            PATH="$folder/.cargo/bin:$PATH"
            if [ -z "${RUSTUP_HOME:-}" ] && [ -d "$folder/.rustup" ]; then export RUSTUP_HOME="$folder/.rustup"; fi
            if cargo --version >/dev/null 2>&1; then break; fi
        fi
    done
fi
cargo --version >/dev/null || { echo "cargo is missing: install Rust (https://rustup.rs) and run this again" >&2; exit 1; }
