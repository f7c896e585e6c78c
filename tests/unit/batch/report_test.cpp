// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "converters/batch/html_plots.hpp"
#include "converters/batch/html_report.hpp"
#include "converters/batch/html_text.hpp"
#include "converters/batch/report_files.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"

BOOST_AUTO_TEST_SUITE(report)

using namespace mhub;
using namespace mhub::tests;
using namespace mhub::converters;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A recipe of two entries, of which one failed in a way that would break a page.
struct Sample {
  Recipe recipe;
  BatchOutcome batch;
  std::vector<ThroughputSample> samples{{100, 0}, {105, 500}, {110, 2000}};

  Sample() {
    recipe.name = "<script>alert(1)</script>";
    for (const char* name : {"good", "bad"}) {
      RecipeEntry& entry = recipe.entries.emplace_back();
      entry.name = name;
      entry.request.source = "models/a\"b";
      entry.request.output = "out/\x1b[31m" + std::string(name);
    }
    EntryOutcome good;
    good.name = "good";
    good.status = EntryStatus::done;
    good.started = 100;
    good.ended = 110;
    good.report = {{"bytes", 2000}, {"verified", true}, {"notes", {"a <b> note"}}};
    good.log = "logs/a b#c.txt";
    good.steps.push_back({"convert", false, 100, 8, 2000, good.report});
    good.steps.push_back({"generate", false, 108, 2, 0, {{"text", "</li>"}, {"tokens", {1}}}});
    EntryOutcome bad;
    bad.name = "bad";
    bad.status = EntryStatus::failed;
    bad.failure = {3, "expected <a> & 'b'"};
    bad.started = 101;
    bad.ended = 102;
    batch.entries = {good, bad};
    batch.numbers = {0, 1};
    batch.started = 100;
    batch.ended = 110;
    batch.code = 3;
  }
};

}  // namespace

BOOST_AUTO_TEST_CASE(text_is_escaped) {
  BOOST_TEST(html_text("<a href=\"x\">'&'\x1b\xff</a>") ==
             "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;\\x1b\\xff&lt;/a&gt;");
  BOOST_TEST(html_link("/a/b/log #1.txt", "/a") == "./b/log%20%231.txt");
  BOOST_TEST(html_link("/a/javascript:x", "/a") == "./javascript%3Ax");
  BOOST_TEST(html_link("/a/x", "/b/c") == "../../a/x");
}

BOOST_AUTO_TEST_CASE(numbers_are_short) {
  BOOST_TEST(duration_text(0.001) == "<0.01 s");
  BOOST_TEST(duration_text(0.5) == "0.5 s");
  BOOST_TEST(duration_text(75) == "1 min 15 s");
  BOOST_TEST(duration_text(7500) == "2 h 5 min");
  BOOST_TEST(number_text(12.0, 2) == "12");
  BOOST_TEST(number_text(100, 0) == "100");
}

BOOST_AUTO_TEST_CASE(a_page_tells_all_and_runs_nothing) {
  const Sample sample;
  const std::string page = html_report(sample.recipe, sample.batch, sample.samples, "/tmp/r.html", false);
  BOOST_TEST(!has(page, "<script"));
  BOOST_TEST(!has(page, "\x1b"));
  BOOST_TEST(!has(page, "http"));  // it asks nobody for anything
  BOOST_TEST(has(page, "input: expected &lt;a&gt; &amp; &#39;b&#39;"));
  BOOST_TEST(has(page, "a &lt;b&gt; note"));
  BOOST_TEST(has(page, "bit for bit"));
  BOOST_TEST(has(page, "logs/a%20b%23c.txt"));
  // What failed comes first.
  BOOST_TEST(page.find("<div class=\"name\">bad") < page.find("<div class=\"name\">good"));
  const std::string running = html_report(sample.recipe, sample.batch, sample.samples, "r.html", true);
  BOOST_TEST((has(running, "still running") && has(running, "refresh")));
}

BOOST_AUTO_TEST_CASE(plots_show_where_time_went) {
  const Sample sample;
  const std::string timeline = timeline_plot(sample.batch);
  BOOST_TEST(has(timeline, "class=\"step-convert\" x=\"0\" width=\"800\""));
  BOOST_TEST(has(timeline, "class=\"step-generate\" x=\"800\" width=\"200\""));
  BOOST_TEST(has(timeline, "step-failed"));
  const std::string throughput = throughput_plot(sample.batch, sample.samples);
  BOOST_TEST(has(throughput, "300 B/s at most"), throughput.substr(0, 120));
  BOOST_TEST(timeline_plot({}).empty());
  BOOST_TEST(throughput_plot(sample.batch, {{100, 0}}).empty());
}

BOOST_AUTO_TEST_CASE(files_are_there_from_the_beginning) {
  const TemporaryFolder folder;
  const Sample sample;
  const Dashboard dashboard(sample.recipe, 2, true);
  const std::string page = folder.file("r.html"), reports = folder.file("reports");
  ReportFiles files(sample.recipe, dashboard, reports, page);
  BOOST_TEST(has(read_file(page, 1 << 20), "still running"));
  files.end(1, sample.batch.entries[1]);
  const nlohmann::json bad = parse_json_file(reports + "/entries/bad.json", 1 << 20);
  BOOST_TEST(bad["error"]["category"] == "input");
  BOOST_TEST(bad["status"] == "failed");
  files.finish(sample.batch);
  BOOST_TEST(!has(read_file(page, 1 << 20), "still running"));
  BOOST_TEST(parse_json_file(reports + "/summary.json", 1 << 20)["exit_code"] == 3);
  BOOST_TEST(std::filesystem::exists(reports + "/entries/good.json"));
  // What was there before stays, but for reports.
  const ReportFiles again(sample.recipe, dashboard, reports, "");
  BOOST_TEST(!std::filesystem::exists(page + ".next"));
  for (const char* name : {"summary.json", "entries/good.json"}) {
    const TemporaryFolder other;
    std::filesystem::create_directories(other.file("entries"));
    write_file(other.file(name), "mine");
    BOOST_CHECK_EXCEPTION(ReportFiles(sample.recipe, dashboard, other.path(), ""), UsageError,
                          message_has(name, "choose another folder"));
  }
  // A report may be replaced by the next one, and nothing else.
  require_report_place(page);
  write_file(folder.file("mine.html"), "<!doctype html>\nmine");
  BOOST_CHECK_EXCEPTION(require_report_place(folder.file("mine.html")), UsageError,
                        message_has("mine.html", "choose another name"));
}

BOOST_AUTO_TEST_SUITE_END()
