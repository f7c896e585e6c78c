// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <cstdio>

#include "mhub/convert/disk_space.hpp"
#include "progress_bar.hpp"

namespace mhub::converters {

nlohmann::json carry_out(const Conversion& conversion, const ConvertRequest& request, bool silent) {
  ProgressBar bar(silent);
  RunOptions run = request.run;
  run.callbacks = bar.callbacks();
  return convert(conversion, request.output, run);
}

void print_report(const nlohmann::json& report) {
  std::printf("%s: %s, %s, %s in %.2f s%s\n", report["output"].get<std::string>().c_str(),
              report["model"].get<std::string>().c_str(), report["format"].get<std::string>().c_str(),
              human_bytes(report["bytes"].get<std::uint64_t>()).c_str(), report["seconds"].get<double>(),
              report["verified"].get<bool>() ? ", verified" : "");
  if (!report["megatron_lm_flags"].empty()) {
    std::printf("Megatron-LM --use-checkpoint-args does not restore these; pass:");
    for (const auto& flag : report["megatron_lm_flags"]) std::printf(" %s", flag.get<std::string>().c_str());
    std::printf("\n");
  }
  for (const auto& limit : report["limits"]) std::printf("note: %s\n", limit.get<std::string>().c_str());
}

}  // namespace mhub::converters
