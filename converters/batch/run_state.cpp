// SPDX-License-Identifier: Apache-2.0
#include "run_state.hpp"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

#include "identity.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/base/progress.hpp"
#include "mhub/base/staging.hpp"
#include "mhub/base/written_files.hpp"
#include "mhub/convert/overwrite.hpp"
#include "mhub/hub/local_files.hpp"
#include "mhub/hub/repo_id.hpp"

namespace mhub::converters {
namespace {

constexpr std::uint64_t kLargestState = 64 << 20;
constexpr int kStateVersion = 1;

fs::path output_path(const RecipeEntry& entry) {
  fs::path path = fs::absolute(entry.request.output).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

std::string state_file(const RecipeEntry& entry) { return state_folder(entry) + "/state.json"; }

/// Who this process is, for those who wait for it.
std::string holder() {
  std::string host(256, '\0');
  if (::gethostname(host.data(), host.size() - 1) != 0) host = "?";
  return "process " + std::to_string(::getpid()) + " on " + host.c_str();
}

bool written_by_mhub(const std::string& output) {
  return fs::exists(fs::path(output) / kManifestName) || (fs::is_regular_file(output) && is_own_file(output));
}

/// The source in the text of settings, and the text without it.
std::pair<std::string, std::string> apart(const std::string& settings) {
  constexpr std::string_view kSource = "\nsource=";
  const std::size_t at = settings.find(kSource);
  if (at == settings.npos) return {{}, settings};
  const std::size_t begin = at + kSource.size(), end = std::min(settings.find('\n', begin), settings.size());
  return {settings.substr(begin, end - begin), settings.substr(0, at) + settings.substr(end)};
}

/// What the conversion depends on beside its source's contents. A path may be spelled otherwise than before.
bool same_conversion(const RecipeEntry& entry, const RunState& state) {
  const auto [was, others_were] = apart(state.settings);
  const auto [is, others_are] = apart(settings_text(entry));
  if (others_were != others_are) return false;
  std::error_code error;
  return was == is || (!was.empty() && fs::equivalent(was, is, error));
}

}  // namespace

std::string state_folder(const RecipeEntry& entry) {
  if (!entry.keeps()) return {};
  const fs::path output = output_path(entry);
  return (output.parent_path() / ("." + output.filename().string() + ".mhub-run")).string();
}

RunState RunState::load(const RecipeEntry& entry) {
  RunState state;
  if (!entry.keeps() || !fs::exists(state_file(entry))) return state;
  try {
    const nlohmann::json json = parse_json_file(state_file(entry), kLargestState);
    if (json.at("version") != kStateVersion) return {};
    state.converting = json.at("converting");
    state.settings = json.at("settings");
    state.source = json.at("source");
    state.replaces = json.at("replaces");
    state.output = json.at("output");
    state.verified = json.at("verified");
    state.report = json.at("report");
    state.steps = json.at("steps");
    return state;
  } catch (const nlohmann::json::exception&) {
    return {};
  } catch (const InputError&) {
    return {};  // damaged: as if nothing was known
  }
}

void RunState::save(const RecipeEntry& entry) const {
  if (!entry.keeps()) return;
  const nlohmann::json json{
      {"version", kStateVersion}, {"entry", entry.name},  {"converting", converting}, {"settings", settings},
      {"source", source},         {"replaces", replaces}, {"output", output},         {"verified", verified},
      {"report", report},         {"steps", steps}};
  put_file(state_file(entry), json_text(json, 1) + "\n");
}

void RunState::begin(const RecipeEntry& entry, const std::string& source_identity) {
  converting = true;
  settings = settings_text(entry);
  source = source_identity;
  replaces = identity_of(entry.request.output);
  verified = false;
  save(entry);
}

std::string settings_text(const RecipeEntry& entry) {
  std::string text = "mhub=" + std::string(MHUB_VERSION) + "\nsource=" + entry.request.source + "\n";
  for (const auto& [key, value] : entry.settings) text += key + "=" + value + "\n";
  return text;
}

Standing standing_of(const RecipeEntry& entry, const RunState& state, const std::string& source) {
  using Work = Standing::Work;
  if (!entry.converts()) return {Work::none, false, false, false, "nothing to convert"};
  const RunOptions& asked = entry.request.run;
  const std::string there = identity_of(entry.request.output);
  const bool known = !state.settings.empty();
  const bool settings = known && same_conversion(entry, state);
  // A source that is gone, or a Hub that does not answer, is no news.
  const bool same = settings && (source.empty() || source == state.source);
  const auto to_do = [](Work work, const char* why) { return Standing{work, false, false, false, why}; };
  if (same && state.converting && !there.empty() && there != state.replaces)
    // It got its name, it seems, and nobody was left to write that down.
    return to_do(Work::verify, "is there, but the run that wrote it did not say so");
  if (same && !state.converting && !there.empty() && there == state.output) {
    if (asked.verify && !state.verified) return to_do(Work::verify, "is there, but was not verified");
    return to_do(Work::none, "is there");
  }
  if (!known && !asked.overwrite && written_by_mhub(entry.request.output))
    return to_do(Work::verify, "is there, though no run of a recipe has written it");
  Standing standing;
  const bool partial = fs::exists(partial_folder(entry.request.output));
  standing.begun = same && state.converting;
  standing.resume = partial && (asked.resume || (same && state.converting));
  // Whatever was put in the place of what a run wrote there, convert() looks at it before it goes.
  standing.overwrite = asked.overwrite || (known && !there.empty() && !state.output.empty());
  standing.why = !known                        ? "is new"
                 : !settings                   ? "the recipe has changed"
                 : !same                       ? "the source has changed"
                 : state.converting && partial ? "was interrupted"
                 : there.empty()               ? "is not there"
                                               : "has changed since it was written";
  return standing;
}

bool step_is_done(const RecipeEntry& entry, const RunState& state, const std::string& step) {
  const auto found = state.steps.find(step);
  return found != state.steps.end() && found->value("settings", "") == entry.step_settings.at(step) &&
         found->value("output", "") == state.output && !state.output.empty();
}

bool nothing_to_do(const RecipeEntry& entry, const RunState& state, const std::string& source) {
  if (!entry.keeps() || standing_of(entry, state, source).work != Standing::Work::none) return false;
  const auto done = [&](bool asked, const char* step) { return !asked || step_is_done(entry, state, step); };
  const Steps& steps = entry.steps;
  return done(steps.generate.has_value(), "generate") && done(steps.logits.has_value(), "logits") &&
         done(steps.upload.has_value(), "upload");
}

std::set<std::string> note_upload(const RecipeEntry& entry, RunState& state) {
  const RepoId id = require_repo_id(entry.steps.upload->place());
  const std::string branch = id.name + "@" + id.revision;
  nlohmann::json& step = state.steps["upload"];
  std::set<std::string> before;
  if (step.is_object() && step.value("branch", "") == branch)
    before = step.value("files", std::set<std::string>{});
  std::set<std::string> files = before;
  for (const LocalFile& file : files_of_folder(entry.result())) files.insert(file.name);
  step = {{"branch", branch}, {"files", files}};
  state.save(entry);
  return before;
}

OutputLock::OutputLock(const RecipeEntry& entry, const std::function<void(const std::string&)>& on_wait,
                       const std::function<bool()>& cancelled) {
  if (!entry.keeps()) return;
  const std::string folder = state_folder(entry), path = folder + "/lock";
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw IoError("cannot create folder", folder, error.value());
  descriptor_ = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (descriptor_.get() < 0) throw IoError("cannot open", path, errno);
  bool told = false;
  while (::flock(descriptor_.get(), LOCK_EX | LOCK_NB) != 0) {
    // Some network file systems have no locks; the partial folder says so where it matters.
    if (errno != EWOULDBLOCK && errno != EINTR) return;
    if (!told) {
      std::string who = read_file(path, 1 << 10);
      on_wait(who.empty() ? "another process" : who);
      told = true;
    }
    throw_if(cancelled);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const std::string who = holder();
  const bool written =
      ::ftruncate(descriptor_.get(), 0) == 0 &&
      ::pwrite(descriptor_.get(), who.data(), who.size(), 0) == static_cast<ssize_t>(who.size());
  if (!written) throw IoError("cannot write", path, errno);
}

}  // namespace mhub::converters
