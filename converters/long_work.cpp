// SPDX-License-Identifier: Apache-2.0
#include "long_work.hpp"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <iomanip>
#include <iostream>
#include <unistd.h>

#include "mhub/base/disk_space.hpp"
#include "mhub/base/mapped_file.hpp"
#include "terminal.hpp"

namespace mhub::converters {
namespace {

/// Written by the signal handler, read by every worker.
std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);

/// How many seconds work may go on after a signal. Not everything asks for the flag: planning, tokenizing.
constexpr unsigned kPatience = 5;
volatile std::sig_atomic_t caught = 0;

extern "C" void on_signal(int signal) {
  flag = true;
  caught = signal;
  std::signal(signal, SIG_DFL);
  ::alarm(kPatience);
}

extern "C" void on_alarm(int) {
  std::signal(caught, SIG_DFL);
  std::raise(caught);
}

/// write(2) of a text, whose result nobody could use any more.
void say(const char* text, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(STDERR_FILENO, text, size);
    if (written <= 0) return;
    text += written;
    size -= static_cast<std::size_t>(written);
  }
}
void say(const char* text) { say(text, std::strlen(text)); }

/// A page of a mapped file that is not there any more. Only what is async-signal-safe may be done here.
extern "C" void on_lost_page(int signal, siginfo_t* info, void*) {
  const char* name = MappedFile::name_at(info->si_addr);
  if (name == nullptr) {
    // No file of ours: the access is tried again and ends as it would have without us.
    std::signal(signal, SIG_DFL);
    return;
  }
  say("mhub: ");
  for (; *name != '\0'; ++name) say(*name >= ' ' && *name <= '~' ? name : "?", 1);
  say(": was cut off while it was read, or its device failed\n");
  ::_exit(4);
}

using Seconds = std::chrono::duration<double>;

}  // namespace

void catch_signals() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGALRM, on_alarm);
  struct sigaction lost {};
  lost.sa_sigaction = on_lost_page;
  lost.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &lost, nullptr);
}

bool interrupted() { return flag; }

ProgressBar::ProgressBar(bool silent) : silent_(silent), terminal_(::isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() { end_stage(); }

Callbacks ProgressBar::callbacks() {
  Callbacks callbacks{.cancelled = interrupted};
  if (!silent_) callbacks.on_progress = [this](const Progress& progress) { show(progress); };
  return callbacks;
}

void ProgressBar::show(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (progress.stage != stage_) {
    end_stage();
    stage_ = progress.stage;
    printed_ = false;
    done_ = 0;
    start_ = last_ = now;
  }
  // Threads may come here in another order than they counted in.
  done_ = std::max(done_, progress.done);
  total_ = progress.total;
  if (Seconds(now - last_).count() < (terminal_ ? 0.1 : 5.0)) return;
  last_ = now;
  print();
}

void ProgressBar::end_stage() {
  if (stage_.empty() || (!terminal_ && !printed_)) return;
  print();
  if (terminal_) std::fputc('\n', stderr);
}

void ProgressBar::print() {
  const double seconds = std::max(1e-9, Seconds(std::chrono::steady_clock::now() - start_).count());
  printed_ = true;
  const double share =
      total_ == 0 ? 1.0 : std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const double rate = static_cast<double>(done_) / seconds;
  const double left =
      rate > 0 ? static_cast<double>(total_ - std::min<std::uint64_t>(total_, done_)) / rate : 0.0;
  constexpr int kWidth = 30;
  const std::string bar(static_cast<std::size_t>(share * kWidth), '#');
  std::fprintf(
      stderr,
      terminal_ ? "\r%s [%-*s] %3.0f%%  %s/s  ETA %.0fs\x1b[K" : "%s [%-*s] %3.0f%%  %s/s  ETA %.0fs\n",
      stage_.c_str(), kWidth, bar.c_str(), share * 100, human_bytes(static_cast<std::uint64_t>(rate)).c_str(),
      left);
  std::fflush(stderr);
}

Conversion planned(const ConvertRequest& request, bool silent) {
  ProgressBar bar(silent);
  OpenOptions open = request.open;
  open.callbacks = bar.callbacks();
  if (open.use == SourceUse::model) open.use = SourceUse::arriving;
  return plan(request.source, request.write, open);
}

nlohmann::json carry_out(const Conversion& conversion, const ConvertRequest& request, bool silent) {
  ProgressBar bar(silent);
  RunOptions run = request.run;
  run.callbacks = bar.callbacks();
  return convert(conversion, request.output, run);
}

nlohmann::json carry_out_rank(const Conversion& conversion, const ConvertRequest& request, const Rank& rank,
                              bool silent) {
  ProgressBar bar(silent || rank.rank > 0);
  RunOptions run = request.run;
  run.callbacks = bar.callbacks();
  return convert_as_rank(conversion, request.output, run, rank);
}

void print_note(const std::string& note) { std::cerr << "note: " << printable_text(note) << '\n'; }

void print_notes(const Checkpoint& checkpoint) {
  for (const std::string& note : checkpoint.notes) print_note(note);
}

std::string shared_text(const nlohmann::json& report) {
  const auto shared = report.value("shared_bytes", std::uint64_t{0});
  return shared > 0 ? ", " + human_bytes(shared) + " in blocks of the source's files" : "";
}

void print_report(const nlohmann::json& report) {
  std::cout << report["output"].get<std::string>() << ": " << report["model"].get<std::string>() << ", "
            << report["format"].get<std::string>() << ", "
            << human_bytes(report["bytes"].get<std::uint64_t>()) << " in " << std::fixed
            << std::setprecision(2) << report["seconds"].get<double>() << " s"
            << (report["verified"].get<bool>() ? ", verified" : "") << shared_text(report) << '\n';
  static const std::pair<const char*, const char*> kFrameworks[]{{"megatron_lm", "Megatron-LM"},
                                                                 {"megatron_bridge", "Megatron-Bridge"},
                                                                 {"verl", "verl"},
                                                                 {"nemo_rl", "NeMo-RL"}};
  for (const auto& [key, name] : kFrameworks) {
    if (report["launch"].contains(key))
      std::cout << name << ": " << report["launch"][key].get<std::string>() << '\n';
  }
  for (const char* key : {"notes", "limits"}) {
    for (const auto& one : report[key]) std::cout << "note: " << one.get<std::string>() << '\n';
  }
}

}  // namespace mhub::converters
