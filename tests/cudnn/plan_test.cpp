// SPDX-License-Identifier: Apache-2.0
// cudnn_plan_test PROPERTIES.json VERSION BF16 F16: builds the graphs that the backend asks cuDNN for, for
// the published sizes of every model, to execution plans for the GPU described, on a machine that has none
// (with stand_in_driver.c in front of the real driver): every BF16-th of the bfloat16 graphs and the norms,
// every F16-th of the float16 ones; 1 1 builds all. Ends with counts; the exit status is 1 when a graph has
// no plan.
#include <atomic>
#include <chrono>
#include <functional>
#include <iostream>
#include <mutex>
#include <set>
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

tests::Specs specs_of(Element run) {
  tests::Specs specs;
  for (const tests::ModelShape& model : tests::model_shapes()) {
    for (const tests::Load& load : kLoads) tests::collect(model, run, load, specs);
  }
  return specs;
}

struct Job {
  std::string name;
  std::function<void()> build;
};

/// Every `step`-th of the graphs.
class Selection {
 public:
  Selection(const GraphBuilder& builder, std::size_t step) : builder_(builder), step_(step) {}
  template <typename Spec>
  void add(const std::set<Spec>& specs, std::vector<Job>& jobs) {
    for (const Spec& spec : specs) {
      if (seen_++ % step_ == 0) jobs.push_back({to_string(spec), [this, spec] { builder_.build(spec); }});
    }
  }

 private:
  const GraphBuilder& builder_;
  std::size_t step_, seen_ = 0;
};

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
    if (argc != 5) throw UsageError("cudnn_plan_test PROPERTIES.json VERSION BF16 F16");
    const InputFile file(argv[1]);
    std::vector<std::byte> json(file.size());
    file.read(0, json);
    const GraphBuilder builder = GraphBuilder::for_properties(json, std::stoi(argv[2]));
    const tests::Specs bf16 = specs_of(Element::bf16), f16 = specs_of(Element::f16);
    Selection select_bf16(builder, std::stoul(argv[3])), select_f16(builder, std::stoul(argv[4]));
    std::vector<Job> jobs;
    select_bf16.add(bf16.attention, jobs);
    select_bf16.add(bf16.norm, jobs);
    select_bf16.add(bf16.linear, jobs);
    select_f16.add(f16.attention, jobs);
    select_f16.add(f16.linear, jobs);  // norms are float32: the same
    const auto start = Clock::now();
    const int failed = build(jobs);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::cout << "cuDNN " << cudnn_version() << ", sm_" << argv[2] << ": " << jobs.size() << " graphs built, "
              << failed << " of them have no plan, " << seconds << " s; there are " << bf16.norm.size()
              << " norms, and of each 16-bit type " << bf16.attention.size() << " attentions and "
              << bf16.linear.size() << " products\n";
    return failed == 0 && !jobs.empty() ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "plan_test: " << error.what() << '\n';
    return 2;
  }
}
