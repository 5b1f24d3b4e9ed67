# Every recipe is one cargo command; the README has them all in plain.

# What computes on the CPU, flex or ndarray: `just cpu=ndarray train-cpu`.
cpu := "flex"

# What a GPU is reached through: wgpu (Vulkan, Metal, DirectX 12), vulkan (the same with kernels in
# SPIR-V), cuda: `just gpu=cuda train-gpu`.
gpu := "wgpu"

# List the recipes.
default:
    @just --list

# Train on the CPU: `just train-cpu configs/tanh.toml --set optimizer.steps=200`.
train-cpu config="configs/quickstart.toml" *args:
    cargo run --release --features {{cpu}} -- train {{config}} --backend {{cpu}} {{args}}

# Train on the CPU with burn-ndarray instead of burn-flex.
train-cpu-ndarray config="configs/quickstart.toml" *args:
    cargo run --release --features ndarray -- train {{config}} --backend ndarray {{args}}

# Train on the GPU.
train-gpu config="configs/quickstart.toml" *args:
    cargo run --release --features {{gpu}} -- train {{config}} --backend gpu {{args}}

# All tests that need no GPU.
test:
    cargo test --release --workspace

# The same tests on every CPU backend and on wgpu (a GPU, or software Vulkan).
test-gpu:
    cargo test --release --workspace --features ndarray,wgpu

# Format and lints, warnings denied.
lint:
    cargo fmt --all --check
    cargo clippy --release --workspace --all-targets --features ndarray,wgpu -- -D warnings

# Draw a run's figure again: `just plot outputs/figure1a-1`.
plot run *args:
    cargo run --release -- plot {{run}} {{args}}

# Download CIFAR-10 into datasets/.
data *args:
    cargo run --release -- data fetch {{args}}

# Judge a run by the paper's assumptions: `just report outputs/figure1a-1`.
report run *args:
    cargo run --release -- report {{run}} {{args}}

# Follow a two-layer linear network by its closed recursion.
theory config="configs/theory.toml" *args:
    cargo run --release -- theory {{config}} {{args}}

# The paper's seven figures with the runs that they need: `just figures --data-dir ../cifar`.
figures *args:
    cargo run --release -- figures {{args}}

# Measure this engine beside JAX, PyTorch and curvlinops; see bench/README.md.
bench *args:
    python3 bench/run.py {{args}}

# Measure a GPU with a prebuilt binary: `just bench-gpu --binary target/release/brink`.
bench-gpu *args:
    python3 bench/gpu.py {{args}}

# Hold the eigensolver's error bounds against an independent solver, at every step of training.
calibrate *args:
    cargo run --release --example calibrate {{args}}

# Measure the pieces of a step by themselves.
bench-pieces *args:
    cargo bench --profile release {{args}}

# The documentation of all crates.
doc:
    cargo doc --release --workspace --no-deps
