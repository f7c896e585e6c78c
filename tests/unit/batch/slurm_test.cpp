// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "cli/run_mhub.hpp"
#include "converters/batch/child.hpp"
#include "converters/batch/slurm_record.hpp"
#include "converters/batch/slurm_text.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

BOOST_AUTO_TEST_SUITE(slurm)

using namespace mhub;
using namespace mhub::converters;
using Words = std::vector<std::string>;

namespace {

bool has(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

RecipeEntry entry_at(const std::string& output) {
  RecipeEntry entry;
  entry.name = "a";
  entry.request.source = "here";
  entry.request.output = output;
  return entry;
}

}  // namespace

BOOST_AUTO_TEST_CASE(tasks_are_written_as_ranges) {
  BOOST_TEST(task_list({1, 2, 3, 4}) == "1-4");
  BOOST_TEST(task_list({7, 1, 3, 2}) == "1-3,7");
  BOOST_TEST(task_list({5}) == "5");
  BOOST_TEST(task_list({}) == "");
}

BOOST_AUTO_TEST_CASE(no_shell_reads_what_a_job_is_told) {
  ExecutorSettings settings;
  settings.partition = "big";
  settings.time = "1:00:00";
  settings.more = {"--exclusive", "--comment=$(touch x)"};
  const Words command{"mhub", "run", "a b'; rm -rf \"$HOME\".yaml"};
  const Submission job{"mhub-a-1", "/f", {1, 2, 4}, 4, {"12", "13"}};
  const Words words = sbatch_command(settings, job, command);
  for (const std::string word : {"--partition=big", "--time=1:00:00", "--exclusive", "--comment=$(touch x)",
                                 "--array=1-2,4", "--dependency=afterok:12:13", "--output=/f/%A_%a.log"})
    BOOST_TEST(has(words, word), word);
  BOOST_TEST(
      has(sbatch_command(settings, {"n", "/100%/%j", {}, 1, {}}, command), "--output=/100%%/%%j/%j.log"));
  // Its words stand behind the script, each of them whole.
  const auto script = std::find(words.begin(), words.end(), "/f/job.sh");
  BOOST_TEST(Words(script + 1, words.end()) == command, boost::test_tools::per_element());
  BOOST_TEST(job_script(job).find("exec \"$@\" --part \"$SLURM_ARRAY_TASK_ID/4\"\n") != std::string::npos);
  BOOST_TEST(job_script({"n", "/f", {}, 4, {}}).find("exec \"$@\" --finish-parts 4\n") != std::string::npos);
  BOOST_TEST(job_script({"n", "/f", {}, 1, {}}).find("exec \"$@\"\n") != std::string::npos);
  const Words alone = sbatch_command({}, {"n", "/f", {}, 1, {}}, command);
  BOOST_TEST(std::none_of(alone.begin(), alone.end(), [](const std::string& word) {
    return word.starts_with("--array") || word.starts_with("--dependency") || word.starts_with("--account");
  }));
}

BOOST_AUTO_TEST_CASE(sbatch_says_a_number) {
  BOOST_TEST(parse_sbatch("12\n") == "12");
  BOOST_TEST(parse_sbatch("12;cluster\n") == "12");
  for (const std::string text : {"", "Submitted batch job 12", ";", "-1"})
    BOOST_CHECK_THROW(parse_sbatch(text), IoError);
}

BOOST_AUTO_TEST_CASE(squeue_is_read) {
  const std::vector<QueuedJob> jobs = parse_squeue(
      "12|3|RUNNING|None|n1|mhub-a|b\n"
      "13|N/A|PENDING|DependencyNeverSatisfied||mhub-b\n"
      "14|N/A|CANCELLED|None||x\n"
      "15|N/A|PENDING|(launch failed requeued held)||y\n"
      "16|N/A|SOMETHING_NEW|None|n1|z\n"
      "slurm_load_jobs error: nothing\n\n17|N/A|TIME");
  BOOST_REQUIRE(jobs.size() == 5);
  BOOST_TEST(
      (jobs[0].id == "12" && jobs[0].task == 3 && jobs[0].nodes == "n1" && jobs[0].name == "mhub-a|b"));
  BOOST_TEST((jobs[0].active() && !jobs[0].stuck()));
  BOOST_TEST((jobs[1].task == -1 && jobs[1].active() && jobs[1].stuck()));
  BOOST_TEST(!jobs[2].active());
  BOOST_TEST(jobs[3].stuck());
  BOOST_TEST(jobs[4].active());
  for (const std::string state :
       {"COMPLETED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"})
    BOOST_TEST(!QueuedJob({"1", -1, state, "", "", ""}).active(), state);
  for (const std::string state : {"COMPLETING", "CONFIGURING", "SUSPENDED", "REQUEUED", "REQUEUE_HOLD"})
    BOOST_TEST(QueuedJob({"1", -1, state, "", "", ""}).active(), state);
}

BOOST_AUTO_TEST_CASE(jobs_are_put_down_beside_the_output) {
  const tests::Scratch scratch;
  const RecipeEntry entry = entry_at(scratch / "out");
  BOOST_TEST(SlurmRecord::load(entry).jobs.empty());
  fs::create_directories(jobs_folder(entry));
  SlurmRecord record{jobs_settings(entry), 4, 1, {{"12", "p", "/f/p", {1, 3}}, {"", "e", "/f/e", {}}}};
  record.save(entry);
  const SlurmRecord loaded = SlurmRecord::load(entry);
  BOOST_TEST((loaded.settings == record.settings && loaded.parts == 4 && loaded.resubmitted == 1));
  BOOST_REQUIRE(loaded.jobs.size() == 2);
  BOOST_TEST((loaded.jobs[0].tasks == std::vector<int>{1, 3} && loaded.last()->name == "e"));
  RecipeEntry other = entry;
  other.step_settings["generate"] = "tokens=1\n";
  BOOST_TEST(jobs_settings(other) != jobs_settings(entry));
  replace_file(jobs_folder(entry) + "/jobs.json", "{\"jobs\": 1");
  BOOST_TEST(SlurmRecord::load(entry).jobs.empty());
  SlurmRecord::remove(entry);
  SlurmRecord::remove(entry);
}

BOOST_AUTO_TEST_CASE(parts_and_entries_leave_what_came_of_them) {
  const tests::Scratch scratch;
  const RecipeEntry entry = entry_at(scratch / "out");
  const SubmittedJob job{"1", "n", scratch / "jobs", {}};
  BOOST_TEST(!reported_part(job, 2).has_value());
  report_part(job.folder, 2, {4, "no"});
  BOOST_TEST((reported_part(job, 2)->code == 4 && reported_part(job, 2)->message == "no"));
  BOOST_TEST(!reported_outcome(entry, job).has_value());
  EntryOutcome outcome;
  outcome.name = "a";
  outcome.status = EntryStatus::failed;
  outcome.why = "is new";
  outcome.failure = {3, "bad"};
  outcome.attempts = 2;
  outcome.started = 1000;
  outcome.ended = 1010;
  outcome.report = {{"model", "Llama"}, {"bytes", 5}, {"verified", true}};
  outcome.steps = {{"convert", false, 1000, 2.5, 5, outcome.report},
                   {"generate", true, 1003, 0, 0, {{"x", 1}}}};
  fs::create_directories(job.folder + "/entries");
  replace_file(job.folder + "/entries/a.json", to_json(entry, outcome).dump());
  const auto read = reported_outcome(entry, job);
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST(to_json(entry, *read) == to_json(entry, outcome));
  BOOST_TEST(summary_line(*read) == summary_line(outcome));
  replace_file(job.folder + "/entries/a.json", "{}");
  BOOST_TEST(!reported_outcome(entry, job).has_value());
}

BOOST_AUTO_TEST_CASE(programs_run_without_a_shell) {
  const ChildResult said = run_child({"printf", "%s", "$HOME `x` *"});
  BOOST_TEST((said.code == 0 && said.out == "$HOME `x` *"));
  BOOST_TEST(run_child({"sh", "-c", "echo no >&2; exit 3"}).code == 3);
  BOOST_TEST(run_child({"sh", "-c", "kill -9 $$"}).code == 137);
  BOOST_TEST(run_child({"sleep", "60"}, [] { return true; }).code == 143);
  BOOST_CHECK_THROW(run_child({"/no/such/program"}), IoError);
}

BOOST_AUTO_TEST_SUITE_END()
