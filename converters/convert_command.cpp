// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "long_work.hpp"
#include "mhub/base/disk_space.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "options.hpp"
#include "recipe/keys.hpp"
#include "shares.hpp"

namespace mhub::converters {
namespace {

void print_chunks(const nlohmann::json& chunks) {
  for (const auto& chunk : chunks) {
    std::cout << "rank " << chunk["rank"] << "  " << chunk["name"].get<std::string>() << "  "
              << chunk["dtype"].get<std::string>() << "  at " << json_text(chunk["offset"]) << " size "
              << json_text(chunk["shape"]) << "  <-";
    for (const auto& source : chunk["sources"]) std::cout << ' ' << source.get<std::string>();
    std::cout << '\n';
  }
}

void print_plan(const nlohmann::json& plan, bool overwrite) {
  if (plan.contains("chunks")) print_chunks(plan["chunks"]);
  for (const auto& rank : plan["ranks"]) {
    std::cout << "rank " << rank["rank"] << ": " << rank["tensors"] << " tensors, "
              << human_bytes(rank["bytes"].get<std::uint64_t>()) << " from " << rank["source_files"].size()
              << " files\n";
  }
  std::cout << "total: " << human_bytes(plan["total_bytes"].get<std::uint64_t>()) << " needed, "
            << human_bytes(plan["free_bytes"].get<std::uint64_t>()) << " free (dry run, nothing written)\n";
  if (plan["output_exists"].get<bool>() && !overwrite)
    std::cout
        << "note: something has the output's name already, which a run refuses; --overwrite replaces what "
           "mhub wrote\n";
}

/// What --part or --finish-parts ask for; `mpi` is asked for elsewhere.
std::optional<Share> share_of(const CommandLine& line) {
  const auto part = line.find<std::string>("part"), whole = line.find<std::string>("finish-parts");
  if (part && whole) throw UsageError("--part and --finish-parts: one of them at a time");
  if ((part || whole) && line.has("dry-run")) throw UsageError("--dry-run is of the whole: leave --part out");
  if (whole) return Share{0, parse_parts("--finish-parts", *whole)};
  if (!part || *part == "mpi") return std::nullopt;
  return parse_part(*part);
}

void print_part(const nlohmann::json& report) {
  std::cout << report["output"].get<std::string>() << ": part " << report["part"] << " of " << report["of"]
            << ", " << human_bytes(report["bytes"].get<std::uint64_t>())
            << (report["done_before"].get<bool>() ? ", was written before" : " written")
            << shared_text(report) << '\n';
}

}  // namespace

int convert_command(const Arguments& arguments) {
  CommandLine line("mhub convert SOURCE OUT [options]", {"SOURCE", "OUT"});
  for (const ConvertKey& key : convert_keys()) {
    if (key.kind == ConvertKey::Kind::flag) {
      line.add()(option_name(key).c_str(), key.help);
    } else {
      line.add()(option_name(key).c_str(), po::value<std::string>(), key.help);
    }
  }
  line.add()("dry-run", "print the plan and write nothing")(
      "chunks", "with --dry-run: every part of every tensor, too")(
      "part", po::value<std::string>(),
      "K/N: write part K of N, of as many processes on one file system; mpi: that of this rank, "
      "of as many as mpirun or srun started")("finish-parts", po::value<std::string>(),
                                              "N: all N parts are written; give OUT its name")("json",
                                                                                               "print JSON");
  if (!line.parse(arguments)) return 0;
  ConvertRequest request;
  request.source = line.get<std::string>("SOURCE");
  request.output = line.get<std::string>("OUT");
  for (const ConvertKey& key : convert_keys()) {
    const std::string name = option_name(key);
    if (!line.has(name)) continue;
    try {
      key.set(request, key.kind == ConvertKey::Kind::flag ? "true" : line.get<std::string>(name));
    } catch (const UsageError& error) {
      throw UsageError("--" + name + ": " + error.what());
    }
  }
  // A stream's headers come first, too.
  if (line.has("dry-run") && request.open.use != SourceUse::stream) request.open.use = SourceUse::headers;
  request.run.share = share_of(line);
  if (line.has("chunks") && !line.has("dry-run")) throw UsageError("--chunks needs --dry-run");
  const Conversion conversion = planned(request, line.has("json"));
  if (line.has("dry-run")) {
    nlohmann::json plan = describe(conversion, request.output);
    if (line.has("chunks")) plan["chunks"] = describe_chunks(conversion);
    if (!line.print_json(plan)) print_plan(plan, request.run.overwrite);
    return 0;
  }
  const bool ranks = line.find<std::string>("part") == "mpi";
  const nlohmann::json report = ranks ? carry_out_rank(conversion, request, own_rank(), line.has("json"))
                                      : carry_out(conversion, request, line.has("json"));
  if (line.print_json(report)) return 0;
  report.contains("part") ? print_part(report) : print_report(report);
  return 0;
}

}  // namespace mhub::converters
