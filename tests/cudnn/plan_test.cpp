// plan_test PROPERTIES.json VERSION [part of a graph's name]: builds every graph that the backend asks cuDNN
// for, for the published sizes of every model, to an execution plan for the GPU described, on a machine that
// has none (with stand_in_driver.c in front of the real driver). Ends with a count; the exit status is 1 when
// one has no plan.
#include <atomic>
#include <chrono>
#include <functional>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cudnn/spec_collector.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/runtime/cudnn/graph_builder.hpp"

using namespace mhub;
using namespace mhub::runtime;

namespace {

using Clock = std::chrono::steady_clock;

/// One token of one sequence, of several, and a piece of a long prompt: decoding and prefill.
constexpr tests::Load kLoads[] = {{1, 1, 700}, {5, 1, 700}, {1, 512, 0}, {1, 512, 5000}};

tests::Specs all_specs() {
  tests::Specs specs;
  for (const tests::ModelShape& model : tests::model_shapes()) {
    for (const Element run : {Element::bf16, Element::f16}) {
      for (const tests::Load& load : kLoads) tests::collect(model, run, load, specs);
    }
  }
  return specs;
}

struct Job {
  std::string name;
  std::function<void()> build;
};

template <typename Set>
void add_jobs(const Set& specs, const GraphBuilder& builder, const std::string& part,
              std::vector<Job>& jobs) {
  for (const auto& spec : specs) {
    if (to_string(spec).find(part) != std::string::npos)
      jobs.push_back({to_string(spec), [&builder, &spec] { builder.build(spec); }});
  }
}

/// Builds all; the number that have no plan.
int build(const std::vector<Job>& jobs) {
  std::atomic<std::size_t> next{0};
  std::atomic<int> failed{0};
  std::mutex output;
  auto work = [&] {
    for (std::size_t k = next++; k < jobs.size(); k = next++) {
      const auto start = Clock::now();
      std::string problem;
      try {
        jobs[k].build();
      } catch (const Error& error) {
        problem = error.what();
        ++failed;
      }
      const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
      const std::lock_guard lock(output);
      if (!problem.empty())
        std::cout << "FAILED " << problem << std::endl;
      else if (seconds > 2)
        std::cout << "slow: " << seconds << " s, " << jobs[k].name << std::endl;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned k = 0; k < std::max(1U, std::thread::hardware_concurrency()); ++k) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return failed;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 3) throw UsageError("plan_test PROPERTIES.json VERSION [part of a graph's name]");
    const InputFile file(argv[1]);
    std::vector<std::byte> json(file.size());
    file.read(0, json);
    const GraphBuilder builder = GraphBuilder::for_properties(json, std::stoi(argv[2]));
    const tests::Specs specs = all_specs();
    std::vector<Job> jobs;
    const std::string part = argc > 3 ? argv[3] : "";
    add_jobs(specs.attention, builder, part, jobs);
    add_jobs(specs.norm, builder, part, jobs);
    add_jobs(specs.linear, builder, part, jobs);
    const auto start = Clock::now();
    const int failed = build(jobs);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::cout << "cuDNN " << cudnn_version() << ", sm_" << argv[2] << ": " << jobs.size() << " graphs ("
              << specs.attention.size() << " attention, " << specs.norm.size() << " norm, "
              << specs.linear.size() << " linear), " << failed << " without a plan, " << seconds << " s\n";
    return failed == 0 && !jobs.empty() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "plan_test: " << error.what() << '\n';
    return 2;
  }
}
