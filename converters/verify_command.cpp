// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <iostream>

#include "logits_comparison.hpp"
#include "long_work.hpp"
#include "mhub/base/error.hpp"
#include "mhub/convert/manifest.hpp"
#include "mhub/convert/verify.hpp"
#include "mhub/runtime/make_backend.hpp"
#include "options.hpp"

namespace mhub::converters {
namespace {

nlohmann::json to_json(const std::optional<Shape>& shape) {
  return shape ? nlohmann::json(*shape) : nlohmann::json();
}

nlohmann::json to_json(const VerifyReport& report) {
  nlohmann::json unmatched = nlohmann::json::array();
  for (const UnmatchedTensor& one : report.unmatched)
    unmatched.push_back({{"tensor", one.name}, {"a", to_json(one.left)}, {"b", to_json(one.right)}});
  nlohmann::json retyped = nlohmann::json::array();
  for (const RetypedTensor& one : report.retyped)
    retyped.push_back({{"tensor", one.name}, {"a", torch_name(one.left)}, {"b", torch_name(one.right)}});
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
  return {{"equal", report.equal()},   {"fields", report.fields},   {"unmatched", unmatched},
          {"retyped", retyped},        {"tensors", report.tensors}, {"bytes", report.bytes},
          {"differences", differences}};
}

/// The first of what may be as many as the models have tensors.
template <class One>
void print_some(const std::vector<One>& differing, const auto& side) {
  constexpr std::size_t kShown = 10;
  for (std::size_t k = 0; k < std::min(kShown, differing.size()); ++k) {
    std::cout << "differs: " << differing[k].name << ": " << side(differing[k].left) << " and "
              << side(differing[k].right) << '\n';
  }
  if (differing.size() > kShown) std::cout << "... and " << differing.size() - kShown << " tensors more\n";
}

void print_tensors(const VerifyReport& report) {
  print_some(report.unmatched,
             [](const std::optional<Shape>& shape) { return shape ? to_string(*shape) : "absent"; });
  if (!report.unmatched.empty()) std::cout << "not the same model: no elements were compared\n";
  print_some(report.retyped, torch_name);
  if (!report.retyped.empty())
    std::cout << "values of different types were compared as they are; --cast compares after that rounding\n";
}

void print(const VerifyReport& report) {
  for (const std::string& field : report.fields)
    std::cout << "differs: " << field << ": equal tensors would compute something else (--tensors-only)\n";
  print_tensors(report);
  for (const Difference& d : report.differences) {
    std::cout << "differs: " << d.tensor << ": " << d.count << " elements, first at " << d.first_index << ": "
              << d.left << " and " << d.right;
    if (d.largest) std::cout << ", largest difference " << *d.largest;
    std::cout << '\n';
  }
  std::cout << (report.equal() ? "equal: " : "NOT equal: ") << report.tensors << " tensors, " << report.bytes
            << " bytes compared\n";
}

VerifyReport verify_tensors(const Checkpoint& a, const Checkpoint& b, int jobs, const CommandLine& line) {
  ProgressBar bar(line.has("json"));
  return verify(a, b, {jobs, line.has("cast"), bar.callbacks(), line.has("tensors-only")});
}

/// One folder against its own manifest.
int verify_manifest(const Checkpoint& checkpoint, int jobs, const CommandLine& line) {
  ProgressBar bar(line.has("json"));
  const ManifestReport report = check_manifest(checkpoint, jobs, bar.callbacks());
  nlohmann::json problems = nlohmann::json::array();
  for (const ManifestProblem& one : report.problems)
    problems.push_back({{"file", one.file}, {"tensor", one.tensor}, {"problem", one.what}});
  if (!line.print_json({{"equal", report.problems.empty()},
                        {"tensors", report.tensors},
                        {"files", report.files},
                        {"bytes", report.bytes},
                        {"problems", problems}})) {
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
  const double tolerance = line.find<double>("tolerance").value_or(kLogitsTolerance);
  if (!(tolerance >= 0 && std::isfinite(tolerance)))
    throw UsageError("--tolerance: expected a number from 0");
  std::vector<std::int64_t> tokens;
  if (line.has("tokens")) tokens = parse_tokens(line.get<std::string>("tokens"));
  const auto backend = runtime::make_backend({"cpu", parse_jobs(line.get<std::string>("jobs")), DType::f32});
  const LogitsComparison found = compare_logits(a, b, std::move(tokens), *backend, interrupted);
  const bool equal = found.relative() <= tolerance;
  if (!line.print_json(
          {{"equal", equal},
           {"tokens", found.tokens},
           {"vocabulary", found.vocabulary},
           {"largest_logit", found.largest},
           {"max_abs_difference",
            std::isfinite(found.relative()) ? nlohmann::json(found.difference) : nlohmann::json()},
           {"relative_difference", found.relative()},  // null where it is infinite
           {"tolerance", tolerance},
           {"position", found.position},
           {"different_choices", found.choices}})) {
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
      "mhub verify A [B] [--cast] [--tensors-only] [--hf-reference DIR] [--jobs N] [--json]\n"
      "mhub verify A B --logits [--tokens IDS] [--tolerance X] [--hf-reference DIR] [--jobs N] [--json]",
      {"A"}, {"B"});
  line.add()("cast", "where types differ, compare after casting A to B's type")(
      "tensors-only", "do not ask whether both are the same function of their tensors")(
      "logits", "compare what both compute for the same tokens instead of their tensors")(
      "tokens", po::value<std::string>(), "with --logits: token numbers (default: 32 made-up ones)")(
      "tolerance", po::value<double>(),
      "with --logits: largest difference, as a share of A's largest logit (default: 1e-3)")(
      "hf-reference", po::value<std::string>()->default_value(""),
      "Hugging Face folder whose config counts for Megatron sides")(
      "jobs", po::value<std::string>()->default_value("0"), "threads")("json", "print JSON");
  if (!line.parse(arguments)) return 0;
  const int jobs = parse_jobs(line.get<std::string>("jobs"));
  const std::string left = line.get<std::string>("A");
  OpenOptions open;
  open.hf_reference = line.get<std::string>("hf-reference");
  ProgressBar bar(line.has("json"));
  open.callbacks = bar.callbacks();
  if (line.has("logits") && (line.has("cast") || line.has("tensors-only") || !line.has("B")))
    throw UsageError(
        "--logits compares what two checkpoints compute: give B, and neither --cast nor --tensors-only");
  for (const std::string option : {"tokens", "tolerance"}) {
    if (line.has(option) && !line.has("logits")) throw UsageError("--" + option + " needs --logits");
  }
  for (const std::string option : {"cast", "tensors-only"}) {
    if (line.has(option) && !line.has("B")) throw UsageError("--" + option + " needs a second checkpoint");
  }
  if (!line.has("B")) return verify_manifest(open_checkpoint(left, open), jobs, line);
  const auto [a, b] = open_both(left, line.get<std::string>("B"), open);
  for (const Checkpoint* side : {&a, &b}) print_notes(*side);
  if (line.has("logits")) return verify_logits(a, b, line);
  const VerifyReport report = verify_tensors(a, b, jobs, line);
  if (!line.print_json(to_json(report))) print(report);
  return report.equal() ? 0 : 1;
}

}  // namespace mhub::converters
