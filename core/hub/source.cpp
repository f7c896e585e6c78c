// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/source.hpp"

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/hub/arriving_model.hpp"
#include "mhub/hub/download.hpp"
#include "mhub/hub/remote_model.hpp"

namespace mhub {
namespace {

/// The snapshot of a folder of the Hub's cache; others are themselves.
std::string snapshot_of(const std::string& path) {
  const fs::path main = fs::path(path) / "refs" / "main", snapshots = fs::path(path) / "snapshots";
  if (!fs::is_directory(snapshots)) return path;
  if (!fs::is_regular_file(main))
    throw InputError(path + ": a folder of the Hub's cache without refs/main; give one of its snapshots/");
  std::string commit = read_file(main.string(), 256);
  while (!commit.empty() && commit.back() == '\n') commit.pop_back();
  if (commit.empty() || commit.find('/') != std::string::npos || !fs::is_directory(snapshots / commit))
    throw InputError(path + ": refs/main names the snapshot " + commit +
                     ", which is not there; give one of its " + "snapshots/, or download the model again");
  return (snapshots / commit).string();
}

std::string list(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t k = 0; k < std::min(kShown, names.size()); ++k) text += (k == 0 ? "" : ", ") + names[k];
  return names.size() > kShown ? text + " and " + std::to_string(names.size() - kShown) + " more" : text;
}

/// What the cache has of a model.
struct Cached {
  std::string commit;  ///< empty: not even the revision is known
  Missing missing;
  bool usable() const { return !commit.empty() && missing.essential.empty(); }
};

Cached look_into(const RepoCache& cache, const RepoId& id, Wanted wanted) {
  const std::optional<std::string> commit = cache.commit_of(id.revision);
  if (!commit || !fs::is_directory(cache.snapshot(*commit))) return {};
  return {*commit, missing_files(cache, *commit, wanted)};
}

std::string about_cache(const HubSettings& settings, const Cached& cached) {
  return cached.commit.empty() ? "not in the cache " + settings.cache.string()
                               : "not whole in the cache " + settings.cache.string() + " (" +
                                     list(cached.missing.essential) + " is missing)";
}

/// The cached snapshot, though it lacks something.
Source as_it_is(const RepoCache& cache, const RepoId& id, const Cached& cached, const std::string& why) {
  return {
      cache.snapshot(cached.commit).string(),
      {id.text() + ": the cached snapshot is taken, without " + list(cached.missing.others) + ": " + why}};
}

/// A model that is looked at, or read once, where it is. Who reads is cancelled as who opened it.
Source left_there(const std::shared_ptr<Hub>& hub, const RepoId& id, SourceUse use,
                  const Callbacks& callbacks) {
  hub->cancel_when(callbacks.cancelled);
  auto remote = std::make_shared<RemoteModel>(hub, id);
  remote->fetch_headers();
  if (use == SourceUse::stream) {
    remote->prepare_reading();
  } else {
    hub->cancel_when({});  // who watches may be gone when more is read
  }
  return {remote->source(), {}, remote};
}

/// A model that comes into the cache; it is read meanwhile where that is possible.
Source on_its_way(const std::shared_ptr<Hub>& hub, const RepoId& id, const Callbacks& callbacks) {
  const auto model = std::make_shared<ArrivingModel>(hub, id, callbacks);
  if (model->readable()) {
    model->fetch_headers();
    return {model->path(), {}, {}, model};
  }
  model->wait();
  return {model->path()};
}

Source from_hub(const RepoId& id, SourceUse use, const Callbacks& callbacks) {
  HubSettings settings = HubSettings::from_environment();
  const RepoCache cache(settings.cache, id.name);
  const Wanted wanted = use == SourceUse::files ? Wanted::files : Wanted::model;
  const Cached cached = look_into(cache, id, wanted);
  if (cached.usable() && cached.missing.none()) return {cache.snapshot(cached.commit).string()};
  if (settings.offline) {
    if (cached.usable()) return as_it_is(cache, id, cached, "HF_HUB_OFFLINE is set");
    throw IoError(id.text() + ": no such file or folder, and as a model of the Hub " +
                  about_cache(settings, cached) + "; HF_HUB_OFFLINE is set, so it is not downloaded");
  }
  const auto hub = std::make_shared<Hub>(settings);
  // Who has something to go on with does not wait for a network that is down.
  if (cached.usable()) hub->set_attempts(1);
  try {
    const bool stays = use == SourceUse::headers || use == SourceUse::stream;
    if (stays && !cached.usable()) return left_there(hub, id, use, callbacks);
    if (use == SourceUse::arriving && !cached.usable()) return on_its_way(hub, id, callbacks);
    return {download(*hub, id, {.wanted = wanted, .callbacks = callbacks}).path};
  } catch (const Interrupted&) {
    throw;
  } catch (const IoError& error) {
    if (cached.usable()) return as_it_is(cache, id, cached, error.what());
    const std::string message = id.text() + ": no file or folder here, and as a model of the Hub " +
                                about_cache(settings, cached) + "; " + error.what();
    // Who may try again asks which of the two it is.
    if (const auto* refusal = dynamic_cast<const HubRefusal*>(&error))
      throw HubRefusal(message, refusal->status());
    throw IoError(message);
  }
}

}  // namespace

Source resolve_source(const std::string& source, SourceUse use, const Callbacks& callbacks) {
  if (fs::exists(source)) {
    if (use == SourceUse::stream)
      throw UsageError(source +
                       ": lies here, and is read where it lies; --no-cache is for models of the Hub");
    return {snapshot_of(source)};
  }
  const std::optional<RepoId> id = parse_repo_id(source);
  if (!id) throw IoError(source + ": no such file or folder, and no name of a model on the Hub");
  return from_hub(*id, use, callbacks);
}

}  // namespace mhub
