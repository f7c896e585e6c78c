// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <iostream>

#include <nlohmann/json.hpp>

#include "mhub/base/error.hpp"
#include "mhub/convert/manifest.hpp"
#include "mhub/convert/verify.hpp"
#include "mhub/runtime/make_backend.hpp"
#include "options.hpp"
#include "parse.hpp"
#include "progress_bar.hpp"
#include "verify_logits.hpp"

namespace po = boost::program_options;

namespace mhub::converters {
namespace {

nlohmann::json to_json(const VerifyReport& report) {
  nlohmann::json differences = nlohmann::json::array();
  for (const Difference& d : report.differences) {
    differences.push_back(
        {{"tensor", d.tensor},
         {"first_index", d.first_index},
         {"count", d.count},
         {"a", d.left},
         {"b", d.right},
         {"max_abs_difference", d.largest ? nlohmann::json(*d.largest) : nlohmann::json()}});
  }
  return {{"equal", report.differences.empty()},
          {"tensors", report.tensors},
          {"bytes", report.bytes},
          {"differences", differences}};
}

void print(const VerifyReport& report) {
  for (const Difference& d : report.differences) {
    std::cout << "differs: " << d.tensor << ": " << d.count << " elements, first at " << d.first_index << ": "
              << d.left << " and " << d.right;
    if (d.largest) std::cout << ", largest difference " << *d.largest;
    std::cout << '\n';
  }
  std::cout << (report.differences.empty() ? "equal: " : "NOT equal: ") << report.tensors << " tensors, "
            << report.bytes << " bytes compared\n";
}

VerifyReport verify_tensors(const Checkpoint& a, const Checkpoint& b, int jobs, const CommandLine& line) {
  ProgressBar bar(line.has("json"));
  return verify(a, b, {jobs, line.has("cast"), bar.callbacks()});
}

/// One folder against its own manifest.
int verify_manifest(const Checkpoint& checkpoint, int jobs, bool json) {
  ProgressBar bar(json);
  const ManifestReport report = check_manifest(checkpoint, jobs, bar.callbacks());
  if (json) {
    nlohmann::json problems = nlohmann::json::array();
    for (const ManifestProblem& one : report.problems)
      problems.push_back({{"file", one.file}, {"tensor", one.tensor}, {"problem", one.what}});
    std::cout << nlohmann::json{{"equal", report.problems.empty()},
                                {"tensors", report.tensors},
                                {"files", report.files},
                                {"bytes", report.bytes},
                                {"problems", problems}}
                     .dump(1)
              << '\n';
  } else {
    for (const ManifestProblem& one : report.problems) {
      std::cout << "differs: " << one.file << (one.file.empty() || one.tensor.empty() ? "" : ": ")
                << (one.tensor.empty() ? "" : "tensor ") << one.tensor << ' ' << one.what << '\n';
    }
    std::cout << (report.problems.empty() ? "as written: " : "NOT as written: ") << report.tensors
              << " tensors, " << report.bytes << " bytes and " << report.files
              << " files checked against the manifest\n";
  }
  return report.problems.empty() ? 0 : 1;
}

/// Two checkpoints by what they compute.
int verify_logits(const Checkpoint& a, const Checkpoint& b, const CommandLine& line) {
  const double tolerance = line.get<double>("tolerance");
  if (!(tolerance >= 0 && std::isfinite(tolerance)))
    throw UsageError("--tolerance: expected a number from 0");
  std::vector<std::int64_t> tokens;
  if (line.has("tokens")) tokens = parse_tokens(line.get<std::string>("tokens"));
  const auto backend = runtime::make_backend({"cpu", parse_jobs(line.get<std::string>("jobs")), DType::f32});
  const LogitsComparison found = compare_logits(a, b, std::move(tokens), *backend);
  const bool equal = found.relative() <= tolerance;
  if (line.has("json")) {
    const bool finite = std::isfinite(found.relative());
    std::cout << nlohmann::json{{"equal", equal},
                                {"tokens", found.tokens},
                                {"vocabulary", found.vocabulary},
                                {"largest_logit", found.largest},
                                {"max_abs_difference",
                                 finite ? nlohmann::json(found.difference) : nlohmann::json()},
                                {"relative_difference",
                                 finite ? nlohmann::json(found.relative()) : nlohmann::json()},
                                {"tolerance", tolerance},
                                {"position", found.position},
                                {"different_choices", found.choices}}
                     .dump(1)
              << '\n';
  } else {
    std::cout << (equal ? "logits agree: " : "logits differ: ") << "largest difference " << found.difference
              << ", " << found.relative() << " of the largest logit (tolerance " << tolerance
              << "), behind token " << found.position << " of " << found.tokens << "; " << found.choices
              << " of " << found.tokens << " most likely tokens differ\n";
  }
  return equal ? 0 : 1;
}

}  // namespace

int verify_command(const Arguments& arguments) {
  CommandLine line(
      "mhub verify A [B] [--cast | --logits [--tokens IDS] [--tolerance X]] [--hf-reference DIR] [--jobs N] "
      "[--json]",
      {"A"}, {"B"});
  line.add()("cast", "where types differ, compare after casting A to B's type")(
      "logits", "compare what both compute for the same tokens instead of their tensors")(
      "tokens", po::value<std::string>(), "with --logits: token numbers (default: 32 made-up ones)")(
      "tolerance", po::value<double>()->default_value(1e-3, "1e-3"),
      "with --logits: largest difference, as a share of A's largest logit")(
      "hf-reference", po::value<std::string>()->default_value(""),
      "Hugging Face folder whose config counts for Megatron sides")(
      "jobs", po::value<std::string>()->default_value("0"), "threads")("json", "print JSON");
  if (!line.parse(arguments)) return 0;
  const int jobs = parse_jobs(line.get<std::string>("jobs"));
  const std::string left = line.get<std::string>("A");
  OpenOptions open;
  open.hf_reference = line.get<std::string>("hf-reference");
  if (line.has("logits") && (line.has("cast") || !line.has("B")))
    throw UsageError("--logits compares two checkpoints as they are: give B, and no --cast");
  if (line.has("tokens") && !line.has("logits")) throw UsageError("--tokens needs --logits");
  if (!line.has("B")) return verify_manifest(open_checkpoint(left, open), jobs, line.has("json"));
  const auto [a, b] = open_both(left, line.get<std::string>("B"), open);
  if (line.has("logits")) return verify_logits(a, b, line);
  const VerifyReport report = verify_tensors(a, b, jobs, line);
  if (line.has("json")) {
    std::cout << to_json(report).dump(1) << '\n';
  } else {
    print(report);
  }
  return report.differences.empty() ? 0 : 1;
}

}  // namespace mhub::converters
