#include <iostream>

#include <nlohmann/json.hpp>

#include "manifest.hpp"
#include "options.hpp"
#include "parse.hpp"
#include "verify.hpp"

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

/// One folder against its own manifest.
int verify_manifest(const Checkpoint& checkpoint, int jobs, bool json) {
  const ManifestReport report = check_manifest(checkpoint, jobs, json);
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

}  // namespace

int verify_command(const Arguments& arguments) {
  CommandLine line("mhub verify A [B] [--cast] [--hf-reference DIR] [--jobs N] [--json]", {"A"}, {"B"});
  line.add()("cast", "where types differ, compare after casting A to B's type")(
      "hf-reference", po::value<std::string>()->default_value(""),
      "Hugging Face folder whose config counts for Megatron sides")(
      "jobs", po::value<std::string>()->default_value("0"), "threads")("json", "print JSON");
  if (!line.parse(arguments)) return 0;
  const int jobs = parse_jobs(line.get<std::string>("jobs"));
  OpenOptions open;
  open.hf_reference = line.get<std::string>("hf-reference");
  Checkpoint a = open_checkpoint(line.get<std::string>("A"), open);
  if (!line.has("B")) return verify_manifest(a, jobs, line.has("json"));
  // Either side may be the one that knows the model.
  OpenOptions like = open;
  like.like = &a;
  const Checkpoint b = open_checkpoint(line.get<std::string>("B"), like);
  if (a.model == nullptr && b.model != nullptr) {
    like.like = &b;
    a = open_checkpoint(line.get<std::string>("A"), like);
  }
  const VerifyReport report = verify(a, b, {jobs, line.has("cast"), line.has("json")});
  if (line.has("json")) {
    std::cout << to_json(report).dump(1) << '\n';
  } else {
    print(report);
  }
  return report.differences.empty() ? 0 : 1;
}

}  // namespace mhub::converters
