// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "long_work.hpp"
#include "mhub/base/disk_space.hpp"
#include "mhub/base/error.hpp"
#include "mhub/hub/download.hpp"
#include "options.hpp"

namespace mhub::converters {
namespace {

using Globs = std::vector<std::string>;

RepoId repository(const CommandLine& line) {
  RepoId id = require_repo_id(line.get<std::string>("REPO"));
  const auto revision = line.find<std::string>("revision");
  if (!revision) return id;
  if (id.revision != RepoId::kMain && id.revision != *revision)
    throw UsageError(line.get<std::string>("REPO") + " and --revision " + *revision + " name two revisions");
  return require_repo_id(id.name + "@" + *revision);
}

}  // namespace

int download_command(const Arguments& arguments) {
  CommandLine line("mhub download REPO [--revision R] [--include GLOB]... [--exclude GLOB]... [--json]",
                   {"REPO"});
  line.add()("revision", po::value<std::string>(), "a branch, a tag or a commit (default: main)")(
      "include", po::value<Globs>()->composing(),
      "only the files whose names match, instead of what a model needs; repeatable")(
      "exclude", po::value<Globs>()->composing(), "all files but those whose names match; repeatable")(
      "connections", po::value<std::string>()->default_value("8"), "ranges that are fetched at a time")(
      "json", "print JSON");
  if (!line.parse(arguments)) return 0;
  const RepoId id = repository(line);
  ProgressBar bar(line.has("json"));
  DownloadOptions options;
  options.include = line.find<Globs>("include").value_or(Globs{});
  options.exclude = line.find<Globs>("exclude").value_or(Globs{});
  options.connections = parse_size(line.get<std::string>("connections"));
  options.callbacks = bar.callbacks();
  Hub hub(HubSettings::from_environment());
  const Downloaded done = download(hub, id, options);
  if (!line.print_json({{"repository", done.repo},
                        {"revision", done.revision},
                        {"commit", done.commit},
                        {"path", done.path},
                        {"files", done.files},
                        {"bytes", done.bytes}})) {
    std::cout << done.path << '\n';
  }
  return 0;
}

}  // namespace mhub::converters
