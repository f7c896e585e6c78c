// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <filesystem>
#include <glob.h>
#include <optional>

#include "matrix.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"

namespace mhub::converters {
namespace {

constexpr std::size_t kMostFound = 10'000;
constexpr std::string_view kIterationFolder = "iter_";

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

/// The number of a folder iter_0000100; nothing for others.
std::optional<std::int64_t> iteration_of(const std::string& name) {
  if (!name.starts_with(kIterationFolder)) return std::nullopt;
  return whole_number(std::string_view(name).substr(kIterationFolder.size()));
}

/// The newest iteration that is complete: Megatron-LM names it when all of it is written (checkpointing.py,
/// save_checkpoint). Nothing where the run does not say.
std::optional<std::int64_t> newest_of(const fs::path& run) {
  const fs::path tracker = run / "latest_checkpointed_iteration.txt";
  if (!fs::is_regular_file(tracker)) return std::nullopt;
  std::string text = read_file(tracker.string(), 256);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return whole_number(text);
}

}  // namespace

std::vector<FoundSource> find_sources(const std::string& pattern) {
  glob_t found{};
  const int status = ::glob(pattern.c_str(), 0, nullptr, &found);
  const std::unique_ptr<glob_t, decltype(&::globfree)> guard(&found, ::globfree);
  if (status != 0 && status != GLOB_NOMATCH)
    throw IoError(pattern + ": cannot be looked for; is there a folder that may not be read?");
  if (status == 0 && found.gl_pathc > kMostFound)
    throw UsageError(pattern + " matches " + std::to_string(found.gl_pathc) + " paths, more than " +
                     std::to_string(kMostFound) + "; make it several recipes");
  std::vector<FoundSource> sources;
  for (std::size_t k = 0; status == 0 && k < found.gl_pathc; ++k) {
    fs::path path = fs::path(found.gl_pathv[k]).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();
    // Also of a pattern without a folder, whose paths have no parent.
    const fs::path run = fs::absolute(path).lexically_normal().parent_path();
    const std::string name = path.filename().string();
    const std::optional<std::int64_t> iteration = iteration_of(name);
    if (iteration && *iteration > newest_of(run).value_or(*iteration)) continue;
    sources.push_back(
        {path.string(), run.filename().string(), iteration ? std::to_string(*iteration) : name});
  }
  return sources;
}

}  // namespace mhub::converters
