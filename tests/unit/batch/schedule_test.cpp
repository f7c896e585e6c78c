// SPDX-License-Identifier: Apache-2.0
#include "converters/batch/schedule.hpp"

#include <deque>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(schedule)

using namespace mhub::converters;
using Names = std::vector<std::string>;

namespace {

/// Ends with what it was told to, the last one started first.
class Told final : public Executor {
 public:
  Told(const Recipe& recipe, std::size_t capacity, std::map<std::string, int> codes)
      : recipe_(recipe), capacity_(capacity), codes_(std::move(codes)) {}

  std::size_t capacity() const override { return capacity_; }
  void start(std::size_t entry) override {
    running_.push_back(entry);
    started.push_back(recipe_.entries[entry].name);
    most = std::max(most, running_.size());
  }
  std::pair<std::size_t, EntryOutcome> wait() override {
    const std::size_t entry = running_.back();
    running_.pop_back();
    EntryOutcome outcome;
    outcome.name = recipe_.entries[entry].name;
    outcome.failure.code = codes_[outcome.name];
    outcome.status = outcome.failure.code == 0     ? EntryStatus::done
                     : outcome.failure.code == 130 ? EntryStatus::interrupted
                                                   : EntryStatus::failed;
    return {entry, outcome};
  }

  Names started;
  std::size_t most = 0;

 private:
  const Recipe& recipe_;
  std::size_t capacity_;
  std::map<std::string, int> codes_;
  std::vector<std::size_t> running_;
};

Recipe recipe_of(const std::vector<std::pair<std::string, std::vector<std::size_t>>>& entries) {
  Recipe recipe;
  for (const auto& [name, needs] : entries) {
    RecipeEntry& entry = recipe.entries.emplace_back();
    entry.name = name;
    entry.needs = needs;
  }
  return recipe;
}

const Recipe kChain = recipe_of({{"c", {1}}, {"b", {2}}, {"a", {}}, {"other", {}}});

std::string statuses(const BatchOutcome& batch) {
  std::string text;
  for (const EntryOutcome& one : batch.entries) text += one.name + ":" + status_name(one.status) + " ";
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(needs_come_first) {
  Told executor(kChain, 1, {});
  const BatchOutcome batch = run_schedule(kChain, executor, {});
  BOOST_TEST(executor.started == (Names{"a", "b", "c", "other"}), boost::test_tools::per_element());
  BOOST_TEST(batch.code == 0);
  BOOST_TEST(statuses(batch) == "c:done b:done a:done other:done ");
}

BOOST_AUTO_TEST_CASE(as_many_as_the_executor_takes) {
  const Recipe recipe = recipe_of({{"a", {}}, {"b", {}}, {"c", {}}, {"d", {}}, {"e", {}}});
  Told executor(recipe, 3, {});
  run_schedule(recipe, executor, {});
  BOOST_TEST(executor.most == 3u);
  BOOST_TEST(executor.started.size() == 5u);
}

BOOST_AUTO_TEST_CASE(a_failure_stops_the_rest) {
  Told executor(kChain, 1, {{"a", 3}});
  std::size_t ended = 0;
  ScheduleOptions options;
  options.on_end = [&](std::size_t, const EntryOutcome&) { ++ended; };
  const BatchOutcome batch = run_schedule(kChain, executor, options);
  BOOST_TEST(batch.code == 3);
  BOOST_TEST(statuses(batch) == "c:not_run b:not_run a:failed other:not_run ");
  BOOST_TEST(batch.entries[1].why == "it needs a, which did not end well");
  BOOST_TEST(batch.entries[3].why == "another one failed");
  BOOST_TEST(ended == 4u);
}

BOOST_AUTO_TEST_CASE(keep_going_leaves_out_only_what_needs_it) {
  Told executor(kChain, 2, {{"b", 4}, {"other", 1}});
  ScheduleOptions options;
  options.keep_going = true;
  const BatchOutcome batch = run_schedule(kChain, executor, options);
  BOOST_TEST(statuses(batch) == "c:not_run b:failed a:done other:failed ");
  BOOST_TEST(batch.code == 1);  // the first one to fail
}

BOOST_AUTO_TEST_CASE(an_interrupt_stops_all) {
  Told executor(kChain, 1, {{"a", 130}});
  ScheduleOptions options;
  options.keep_going = true;
  bool stop = false;
  options.on_start = [&](std::size_t) { stop = true; };
  options.cancelled = [&] { return stop; };
  const BatchOutcome batch = run_schedule(kChain, executor, options);
  BOOST_TEST(batch.code == 130);
  BOOST_TEST(executor.started.size() == 1u);
}

BOOST_AUTO_TEST_CASE(only_some_entries) {
  Told executor(kChain, 1, {});
  ScheduleOptions options;
  options.only = {1};
  const BatchOutcome batch = run_schedule(kChain, executor, options);
  BOOST_TEST(statuses(batch) == "b:done ");
  BOOST_TEST(batch.numbers == std::vector<std::size_t>{1});
}

BOOST_AUTO_TEST_SUITE_END()
