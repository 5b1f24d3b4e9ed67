# Every recipe is one cargo command; the README has them all in plain.

cpu := "flex"

# List the recipes.
default:
    @just --list

# Train on the CPU: `just train-cpu configs/tanh.toml --set optimizer.steps=200`.
train-cpu config="configs/quickstart.toml" *args:
    cargo run --release -- train {{config}} --backend {{cpu}} {{args}}

# Train on the GPU through wgpu (Vulkan, Metal or DirectX 12).
train-gpu config="configs/quickstart.toml" *args:
    cargo run --release --features wgpu -- train {{config}} --backend wgpu {{args}}

# All tests that need no GPU.
test:
    cargo test --release --workspace

# The same tests on every backend, a GPU (or software Vulkan) included.
test-gpu:
    cargo test --release --workspace --all-features

# Format and lints, warnings denied.
lint:
    cargo fmt --all --check
    cargo clippy --release --workspace --all-targets --all-features -- -D warnings

# Draw a run's figure again: `just plot outputs/figure1a-1`.
plot run *args:
    cargo run --release -- plot {{run}} {{args}}

# Download CIFAR-10 into datasets/.
data *args:
    cargo run --release -- data fetch {{args}}

# Time a gradient and products in blocks on this machine.
bench *args:
    cargo run --release --example cost -- {{args}}

# The documentation of all crates.
doc:
    cargo doc --release --workspace --no-deps
