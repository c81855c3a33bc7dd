"""What the README claims, measured; beside it, what people do now. See docs/benchmarks.md."""
