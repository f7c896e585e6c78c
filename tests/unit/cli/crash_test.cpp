// SPDX-License-Identifier: Apache-2.0
// Conversions that are killed, run out of disk or lose their source: nothing half-written under the final
// name, and --resume ends with the same bytes as an undisturbed run.
#include <csignal>
#include <fstream>
#include <optional>
#include <random>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "cli/folder_content.hpp"
#include "cli/run_mhub.hpp"
#include "cli/sized_llama.hpp"

BOOST_AUTO_TEST_SUITE(crash)

using namespace mhub::tests;
namespace fs = std::filesystem;

namespace {

/// A running `mhub`, in the background; its stderr goes to a file.
class Background {
 public:
  Background(const std::vector<std::string>& arguments, const std::string& errors) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    std::vector<char*> argv{const_cast<char*>(MHUB_BINARY)};
    for (const std::string& one : arguments) argv.push_back(const_cast<char*>(one.c_str()));
    argv.push_back(nullptr);
    if (std::freopen(errors.c_str(), "w", stderr) == nullptr ||
        std::freopen("/dev/null", "w", stdout) == nullptr)
      ::_exit(9);
    ::execv(MHUB_BINARY, argv.data());
    ::_exit(9);
  }
  void signal(int number) const { ::kill(pid_, number); }
  /// Waits for the end; the exit status, or 128 + signal.
  int wait() const {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
};

/// Starts `mhub` and kills it after a while; true when it was still running.
bool convert_and_kill(const std::vector<std::string>& arguments, std::chrono::microseconds after) {
  const Background mhub(arguments, "/dev/null");
  std::this_thread::sleep_for(after);
  mhub.signal(SIGKILL);
  return mhub.wait() == 128 + SIGKILL;
}

/// Stops a conversion of `source` to `out` with a signal somewhere in its middle: when `awaited` is in its
/// folder and before it is done. Returns it still alive, or nothing where that never succeeded.
std::optional<Background> stopped_midway(const Scratch& scratch, const std::string& source,
                                         const std::string& out, const std::string& awaited = "key") {
  const fs::path partial =
      fs::path(scratch.path()) / ("." + fs::path(out).filename().string() + ".mhub-partial");
  for (int tries = 0; tries < 100; ++tries) {
    fs::remove_all(out);
    fs::remove_all(partial);
    Background mhub({"convert", source, out, "--jobs", "1"}, scratch / "errors");
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!fs::exists(partial / awaited) && !fs::exists(out) && std::chrono::steady_clock::now() < patience)
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    mhub.signal(SIGSTOP);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (fs::exists(partial / awaited) && !fs::exists(out)) return mhub;
    mhub.signal(SIGKILL);
    mhub.wait();
  }
  return std::nullopt;
}

/// Kills a conversion there.
void kill_midway(const Scratch& scratch, const std::string& source, const std::string& out,
                 const std::string& awaited) {
  const auto mhub = stopped_midway(scratch, source, out, awaited);
  BOOST_REQUIRE(mhub.has_value());
  mhub->signal(SIGKILL);
  mhub->wait();
}

void check_kills(const std::string& format, int rounds) {
  const Scratch scratch;
  const std::string source = scratch / "hf", out = scratch / "out";
  write_sized_llama(source, 12);
  std::vector<std::string> options{"--to", format};
  if (format != "hf") options.insert(options.end(), {"--tp", "2"});
  std::string written;
  for (const std::string& word : options) written += " " + word;
  const auto begin = std::chrono::steady_clock::now();
  BOOST_REQUIRE(run_mhub("convert " + source + " " + (scratch / "whole") + written).code == 0);
  auto longest =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
  const auto whole = folder_content(scratch / "whole");
  std::mt19937 random(11);
  int killed = 0;
  // Only runs that were really killed count; a machine that has become faster meanwhile gets shorter waits.
  for (int round = 0; killed < rounds && round < 20 * rounds; ++round) {
    std::uniform_int_distribution<std::int64_t> moment(0, longest.count());
    std::vector<std::string> arguments{"convert", source, out};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const bool hit = convert_and_kill(arguments, std::chrono::microseconds(moment(random)));
    killed += hit;
    if (!hit) longest = longest * 9 / 10;
    // What has the final name is whole, whenever it is there.
    if (fs::exists(out)) BOOST_REQUIRE((folder_content(out) == whole));
    const std::string again = fs::exists(out) ? " --overwrite" : "";
    const Run run = run_mhub("convert " + source + " " + out + written + " --resume" + again);
    BOOST_REQUIRE_MESSAGE(run.code == 0, run.err);
    BOOST_REQUIRE((folder_content(out) == whole));
    fs::remove_all(out);
  }
  BOOST_TEST(killed == rounds);
}

#ifdef __SANITIZE_ADDRESS__
constexpr int kRounds = 1;  // each takes ten times as long
#else
constexpr int kRounds = 10;
#endif

}  // namespace

BOOST_AUTO_TEST_CASE(killed_torch_dist_conversions_resume) { check_kills("torch_dist", 3 * kRounds); }
BOOST_AUTO_TEST_CASE(killed_torch_conversions_resume) { check_kills("torch", kRounds); }
BOOST_AUTO_TEST_CASE(killed_hf_conversions_resume) { check_kills("hf", kRounds); }

BOOST_AUTO_TEST_CASE(resume_keeps_what_is_finished_and_mends_what_is_damaged) {
  const Scratch scratch;
  const std::string source = scratch / "hf", out = scratch / "out", partial = scratch / ".out.mhub-partial";
  write_sized_llama(source, 12);
  BOOST_REQUIRE(run_mhub("convert " + source + " " + (scratch / "whole")).code == 0);
  kill_midway(scratch, source, out, "output/release/__0_0.distcp");
  BOOST_TEST(!fs::exists(out));
  // Every byte of the unfinished file spoilt.
  const auto size = fs::file_size(partial + "/output/release/__0_0.distcp");
  TinyLlama::write_text(partial + "/output/release/__0_0.distcp", std::string(size, 'x'));
  const Run run = run_mhub("convert " + source + " " + out + " --resume --json");
  BOOST_REQUIRE_MESSAGE(run.code == 0, run.err);
  BOOST_TEST(nlohmann::json::parse(run.out)["resumed"] == true);
  BOOST_TEST((folder_content(out) == folder_content(scratch / "whole")));
}

// Bytes of another source, which say that they are this one's, beside files that are no part of an output.
BOOST_AUTO_TEST_CASE(resume_believes_nothing_but_the_source) {
  const Scratch scratch;
  const std::string source = scratch / "hf", out = scratch / "out", partial = scratch / ".out.mhub-partial";
  write_sized_llama(source, 12);
  for (const std::string format : {"torch_dist", "torch", "hf"}) {
    const std::string convert = "convert " + source + " " + out + " --to " + format,
                      whole = scratch / ("whole-" + format);
    BOOST_REQUIRE(run_mhub("convert " + source + " " + whole + " --to " + format).code == 0);
    fs::create_directory(partial);
    TinyLlama::write_text(partial + "/.mhub-partial", "");
    fs::copy(whole, partial + "/output", fs::copy_options::recursive);
    TinyLlama::write_text(scratch / "precious", "x");
    for (const auto& [name, content] : folder_content(partial + "/output")) {
      std::string text = content;
      for (char& c : text) c = static_cast<char>(c ^ 1);
      TinyLlama::write_text(partial + "/output/" + name, text + "and more");
      TinyLlama::write_text(partial + "/output/" + name + ".py", text);
    }
    fs::create_directory(partial + "/output/empty");
    fs::create_directory_symlink(scratch.path(), partial + "/output/tokenizer");
    const Run run = run_mhub(convert + " --resume --json");
    BOOST_REQUIRE_MESSAGE(run.code == 0, run.err);
    BOOST_TEST(nlohmann::json::parse(run.out)["resumed"] == true);
    BOOST_TEST((folder_content(out) == folder_content(whole)), format);
    BOOST_TEST(!fs::exists(fs::symlink_status(out + "/empty")));
    BOOST_TEST(!fs::exists(fs::symlink_status(out + "/tokenizer")));
    fs::remove_all(out);
  }
}

BOOST_AUTO_TEST_CASE(resume_writes_through_no_link) {
  const Scratch scratch;
  const std::string source = scratch / "hf", out = scratch / "out",
                    output = scratch / ".out.mhub-partial/output";
  write_sized_llama(source, 2);
  TinyLlama::write_text(scratch / "precious", "x");
  for (const bool hard : {false, true}) {
    fs::create_directories(output);
    TinyLlama::write_text(output + "/../.mhub-partial", "");
    if (hard) {
      fs::create_hard_link(scratch / "precious", output + "/model.safetensors");
    } else {
      fs::create_symlink(scratch / "precious", output + "/model.safetensors");
    }
    BOOST_TEST(run_mhub("convert " + source + " " + out + " --to hf --resume --verify").code == 0);
    BOOST_TEST(TinyLlama::read_text(scratch / "precious") == "x");
    fs::remove_all(out);
  }
}

// Whoever is killed leaves a whole key: without, --resume could not refuse another source.
BOOST_AUTO_TEST_CASE(a_partial_folder_has_its_key_from_the_first_moment) {
  const Scratch scratch;
  const std::string source = scratch / "hf", out = scratch / "out", key = scratch / ".out.mhub-partial/key";
  write_sized_llama(source, 2);
  int seen = 0;
  for (int round = 0; round < 30; ++round) {
    const Background mhub({"convert", source, out, "--jobs", "1"}, scratch / "errors");
    for (int wait = 0; wait < 200'000 && !fs::exists(key) && !fs::exists(out);) ++wait;
    const std::string found = TinyLlama::read_text(key);
    mhub.signal(SIGKILL);
    mhub.wait();
    if (!found.empty() || fs::exists(key)) {
      ++seen;
      BOOST_TEST(found.size() == 32u);
    }
    fs::remove_all(out);
    fs::remove_all(fs::path(key).parent_path());
  }
  BOOST_TEST(seen > 0);
}

BOOST_AUTO_TEST_CASE(resume_refuses_another_source) {
  const Scratch scratch;
  const std::string source = scratch / "hf", out = scratch / "out";
  write_sized_llama(source, 12);
  kill_midway(scratch, source, out, "key");
  const auto other_options = run_mhub("convert " + source + " " + out + " --resume --tp 2");
  BOOST_TEST(other_options.code == 3);
  std::string weights = TinyLlama::read_text(source + "/model.safetensors");
  weights.back() = static_cast<char>(weights.back() ^ 1);
  TinyLlama::write_text(source + "/model.safetensors", weights);
  const Run refused = run_mhub("convert " + source + " " + out + " --resume");
  BOOST_TEST(refused.code == 3);
  BOOST_TEST(refused.err.find("without --resume") != std::string::npos);
  // What is there can still be resumed as it was begun.
  BOOST_TEST(fs::exists(scratch / ".out.mhub-partial/key"));
  BOOST_TEST(run_mhub("convert " + source + " " + out + " --verify").code == 0);
}

BOOST_AUTO_TEST_CASE(an_interrupt_leaves_a_resumable_state) {
  const Scratch scratch;
  const std::string source = scratch / "hf", out = scratch / "out";
  write_sized_llama(source, 24);
  const auto mhub = stopped_midway(scratch, source, out);
  BOOST_REQUIRE(mhub.has_value());
  mhub->signal(SIGINT);
  mhub->signal(SIGCONT);
  BOOST_TEST(mhub->wait() == 130);
  BOOST_TEST(!fs::exists(out));
  BOOST_TEST(TinyLlama::read_text(scratch / "errors").find("--resume") != std::string::npos);
  const Run run = run_mhub("convert " + source + " " + out + " --resume --verify");
  BOOST_TEST(run.code == 0, run.err);
}

BOOST_AUTO_TEST_CASE(a_source_that_changes_midway_is_noticed) {
  const Scratch scratch;
  const std::string source = scratch / "hf", out = scratch / "out";
  write_sized_llama(source, 24);
  const auto mhub = stopped_midway(scratch, source, out);
  BOOST_REQUIRE(mhub.has_value());
  {
    std::fstream weights(source + "/model.safetensors", std::ios::binary | std::ios::in | std::ios::out);
    weights.seekp(-4, std::ios::end);
    weights.write("abcd", 4);
  }
  mhub->signal(SIGCONT);
  BOOST_TEST(mhub->wait() == 3);
  BOOST_TEST(!fs::exists(out));
  BOOST_TEST(TinyLlama::read_text(scratch / "errors").find("changed while it was read") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_source_that_shrinks_midway_is_an_error) {
  const Scratch scratch;
  const std::string source = scratch / "hf", out = scratch / "out";
  write_sized_llama(source, 24);
  const auto mhub = stopped_midway(scratch, source, out);
  BOOST_REQUIRE(mhub.has_value());
  fs::resize_file(source + "/model.safetensors", 40000);
  mhub->signal(SIGCONT);
  const int code = mhub->wait();
  BOOST_TEST((code == 3 || code == 4));
  BOOST_TEST(!fs::exists(out));
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_one_line_and_no_folder) {
  const Scratch scratch;
  write_sized_llama(scratch / "hf", 4);
  for (const std::string format : {"torch_dist", "torch", "hf", "hdf5"}) {
    // A file size limit gives EFBIG where a full disk gives ENOSPC; SIGXFSZ would kill.
    const std::string command = "convert " + (scratch / "hf") + " " + (scratch / "out") + " --to " + format;
    const pid_t child = ::fork();
    if (child == 0) {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{1 << 20, 1 << 20};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      const Run run = run_mhub(command);
      const bool one_line = std::count(run.err.begin(), run.err.end(), '\n') == 1;
      ::_exit(run.code == 4 && one_line && run.err.starts_with("mhub: ") ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0), format);
    BOOST_TEST(!fs::exists(scratch / "out"), format);
    const Run resumed = run_mhub(command + " --resume --verify");
    BOOST_TEST(resumed.code == 0, resumed.err);
    fs::remove_all(scratch / "out");
  }
}

BOOST_AUTO_TEST_CASE(two_at_once_do_not_disturb_each_other) {
  const Scratch scratch;
  write_sized_llama(scratch / "hf", 12);
  const std::string command = "convert " + (scratch / "hf") + " " + (scratch / "out");
  std::vector<Run> runs(4);
  {
    std::vector<std::jthread> threads;
    for (Run& run : runs) {
      threads.emplace_back([&run, command] {
        const int code = std::system((std::string(MHUB_BINARY) + " " + command + " >/dev/null 2>&1").c_str());
        run.code = WEXITSTATUS(code);
      });
    }
  }
  int good = 0;
  for (const Run& run : runs) {
    BOOST_TEST((run.code == 0 || run.code == 2));
    good += run.code == 0;
  }
  BOOST_TEST(good == 1);
  BOOST_TEST(run_mhub("verify " + (scratch / "hf") + " " + (scratch / "out")).code == 0);
}

BOOST_AUTO_TEST_SUITE_END()
