#include <cstdio>
#include <iostream>

#include "convert.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/progress.hpp"
#include "options.hpp"
#include "parse.hpp"

namespace po = boost::program_options;

namespace mhub::converters {
namespace {

void print_plan(const nlohmann::json& plan) {
  for (const auto& chunk : plan["chunks"]) {
    std::cout << "rank " << chunk["rank"] << "  " << chunk["name"].get<std::string>() << "  "
              << chunk["dtype"].get<std::string>() << "  at " << chunk["offset"].dump() << " size "
              << chunk["shape"].dump() << "  <-";
    for (const auto& source : chunk["sources"]) std::cout << ' ' << source.get<std::string>();
    std::cout << '\n';
  }
  for (const auto& rank : plan["ranks"]) {
    std::cout << "rank " << rank["rank"] << ": " << rank["tensors"] << " tensors, "
              << human_bytes(rank["bytes"].get<std::uint64_t>()) << " from " << rank["source_files"].size()
              << " files\n";
  }
  std::cout << "total: " << human_bytes(plan["total_bytes"].get<std::uint64_t>())
            << " (dry run, nothing written)\n";
}

}  // namespace

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

int convert_command(const Arguments& arguments) {
  CommandLine line("mhub convert SOURCE OUT [options]", {"SOURCE", "OUT"});
  line.add()("to", po::value<std::string>()->default_value("torch_dist"), "torch_dist or torch")(
      "tp", po::value<int>()->default_value(1), "tensor-parallel size")(
      "pp", po::value<int>()->default_value(1), "pipeline-parallel size")(
      "vpp", po::value<int>()->default_value(1), "virtual pipeline stages")(
      "ep", po::value<int>()->default_value(1), "expert-parallel size")(
      "etp", po::value<int>()->default_value(1), "expert-tensor-parallel size")(
      "dtype", po::value<std::string>(), "cast to bf16, fp16 or fp32")(
      "make-vocab-size-divisible-by", po::value<std::int64_t>(),
      "pad the vocabulary to a multiple of this times TP (default: 128 for torch, none for torch_dist)")(
      "transformer-impl", po::value<std::string>()->default_value("te"),
      "parameter names in torch checkpoints: te or local")(
      "iteration", po::value<std::string>()->default_value("release"), "iteration number, or release")(
      "jobs", po::value<int>()->default_value(0), "threads (default: all processors)")(
      "dry-run", "print the plan and write nothing")(
      "verify", "compare the result with the source before it gets its name")(
      "overwrite", "replace OUT if mhub wrote it")("json", "print JSON");
  if (!line.parse(arguments)) return 0;
  ConvertOptions options;
  options.source = line.get<std::string>("SOURCE");
  options.output = line.get<std::string>("OUT");
  options.to = line.get<std::string>("to");
  options.sizes = parse_sizes(line.get<int>("tp"), line.get<int>("pp"), line.get<int>("vpp"),
                              line.get<int>("ep"), line.get<int>("etp"));
  if (line.has("dtype")) options.dtype = parse_dtype(line.get<std::string>("dtype"));
  if (line.has("make-vocab-size-divisible-by"))
    options.vocab_divisible_by = parse_divisor(line.get<std::int64_t>("make-vocab-size-divisible-by"));
  options.impl = parse_impl(line.get<std::string>("transformer-impl"));
  options.iteration = parse_iteration(line.get<std::string>("iteration"));
  options.jobs = parse_jobs(line.get<int>("jobs"));
  options.overwrite = line.has("overwrite");
  options.verify = line.has("verify");
  options.quiet = line.has("json");
  const Conversion conversion = plan_conversion(options);
  if (line.has("dry-run")) {
    const nlohmann::json plan = describe_plan(conversion);
    line.has("json") ? void(std::cout << plan.dump(1) << '\n') : print_plan(plan);
    return 0;
  }
  const nlohmann::json report = run_conversion(conversion, options);
  line.has("json") ? void(std::cout << report.dump(1) << '\n') : print_report(report);
  return 0;
}

}  // namespace mhub::converters
