#include "parse.hpp"

#include <charconv>

#include "mhub/base/error.hpp"

namespace mhub::converters {

ParallelSizes parse_sizes(int tp, int pp, int vpp, int ep, int etp) {
  for (const int size : {tp, pp, vpp, ep, etp}) {
    if (size < 1 || size > 65536)
      throw UsageError("parallel sizes are 1 or more, found " + std::to_string(size));
  }
  return {tp, pp, vpp, ep, etp};
}

DType parse_dtype(const std::string& text) {
  if (text == "bf16" || text == "bfloat16") return DType::bf16;
  if (text == "fp16" || text == "float16") return DType::f16;
  if (text == "fp32" || text == "float32") return DType::f32;
  throw UsageError("dtype " + text + ": expected bf16, fp16 or fp32");
}

TransformerImpl parse_impl(const std::string& text) {
  if (text == "te" || text == "transformer_engine") return TransformerImpl::transformer_engine;
  if (text == "local") return TransformerImpl::local;
  throw UsageError("transformer-impl " + text + ": expected te or local");
}

std::optional<std::int64_t> parse_iteration(const std::string& text) {
  if (text == "release") return std::nullopt;
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  // Older Megatron-LM versions refuse iteration 0 (checkpointing.py, read_metadata).
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value < 1 || value > 9999999) {
    throw UsageError("iteration " + text + ": expected release or 1 .. 9999999");
  }
  return value;
}

std::int64_t parse_divisor(std::int64_t value) {
  if (value < 1 || value > (1 << 30))
    throw UsageError("make-vocab-size-divisible-by " + std::to_string(value) + ": expected 1 or more");
  return value;
}

int parse_jobs(int value) {
  if (value < 0 || value > 1024) throw UsageError("jobs " + std::to_string(value) + ": expected 0 .. 1024");
  return value;
}

}  // namespace mhub::converters
