#include <iostream>

#include <nlohmann/json.hpp>

#include "options.hpp"
#include "parse.hpp"
#include "verify.hpp"

namespace po = boost::program_options;

namespace mhub::converters {

int verify_command(const Arguments& arguments) {
  CommandLine line("mhub verify A B [--cast] [--jobs N] [--json]", {"A", "B"});
  line.add()("cast", "where types differ, compare after casting A to B's type")(
      "jobs", po::value<int>()->default_value(0), "threads")("json", "print JSON");
  if (!line.parse(arguments)) return 0;
  // Either side may be the one that knows the model.
  Checkpoint a = open_checkpoint(line.get<std::string>("A"));
  const Checkpoint b = open_checkpoint(line.get<std::string>("B"), &a);
  if (a.model == nullptr && b.model != nullptr) a = open_checkpoint(line.get<std::string>("A"), &b);
  const VerifyReport report =
      verify(a, b, {parse_jobs(line.get<int>("jobs")), line.has("cast"), line.has("json")});
  if (line.has("json")) {
    nlohmann::json differences = nlohmann::json::array();
    for (const Difference& d : report.differences) {
      differences.push_back({{"tensor", d.tensor},
                             {"first_index", d.first_index},
                             {"count", d.count},
                             {"a", d.left},
                             {"b", d.right}});
    }
    std::cout << nlohmann::json{{"equal", report.differences.empty()},
                                {"tensors", report.tensors},
                                {"bytes", report.bytes},
                                {"differences", differences}}
                     .dump(1)
              << '\n';
  } else {
    for (const Difference& d : report.differences) {
      std::cout << "differs: " << d.tensor << ": " << d.count << " elements, first at " << d.first_index
                << ": " << d.left << " and " << d.right << '\n';
    }
    std::cout << (report.differences.empty() ? "equal: " : "NOT equal: ") << report.tensors << " tensors, "
              << report.bytes << " bytes compared\n";
  }
  return report.differences.empty() ? 0 : 1;
}

}  // namespace mhub::converters
