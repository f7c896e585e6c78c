// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/output_format.hpp"

#include "mhub/base/error.hpp"

namespace mhub::converters {
std::unique_ptr<OutputFormat> make_output_format(const ConvertOptions& options, const Checkpoint& source) {
  if (options.to == "torch_dist" || options.to == "torch") return make_megatron_output(options, source);
  if (options.to == "hf") return make_hf_output(options, source);
  if (options.to == "hdf5") return make_hdf5_output(options, source);
  throw UsageError("--to " + options.to + ": expected torch_dist, torch, hf or hdf5");
}

}  // namespace mhub::converters
