#include "mhub/parallel/placement.hpp"

#include <charconv>

#include "mhub/base/error.hpp"

namespace mhub {

std::optional<LayerName> decoder_layer(std::string_view canonical_name) {
  constexpr std::string_view kPrefix = "decoder.layers.";
  if (!canonical_name.starts_with(kPrefix)) return std::nullopt;
  LayerName name;
  const char* begin = canonical_name.data() + kPrefix.size();
  const char* end = canonical_name.data() + canonical_name.size();
  const auto parsed = std::from_chars(begin, end, name.layer);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '.') return std::nullopt;
  name.before = kPrefix;
  name.after.assign(parsed.ptr + 1, end);
  return name;
}

PipelineSplit::PipelineSplit(std::int64_t layers, int stages) : stages_(stages), per_stage_(layers / stages) {
  if (layers % stages != 0 || layers == 0) {
    throw InputError(std::to_string(layers) + " layers cannot be split into PP=" + std::to_string(stages) +
                     " equal stages; choose a pipeline size that divides the number of layers");
  }
}

int PipelineSplit::stage_of(std::string_view canonical_name) const {
  if (const auto name = decoder_layer(canonical_name)) return stage_of_layer(name->layer);
  const bool last = canonical_name.starts_with("decoder.") || canonical_name.starts_with("output_layer.") ||
                    canonical_name.starts_with("mtp.");
  return last ? stages_ - 1 : 0;
}

}  // namespace mhub
