// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/repo_writer.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/hub/answers.hpp"
#include "mhub/hub/cache.hpp"
#include "mhub/text/base64.hpp"

namespace mhub {
namespace {

using nlohmann::json;

/// What a commit carries itself; the Hub lets text of at most 10 MB be that.
constexpr std::uint64_t kLargestInCommit = 64 << 20;

HttpRequest question(std::string url, const json& asked) {
  return {.url = std::move(url),
          .method = "POST",
          .headers = {"Content-Type: application/json"},
          .body = json_text(asked)};
}

std::vector<std::string> messages(const json& answer, const char* key) {
  std::vector<std::string> texts;
  for (const json& one : answer.value(key, json::array())) texts.push_back(one.value("message", ""));
  return texts;
}

/// A line of the commit for one file.
json line_of(const LocalFile& file) {
  if (file.large)
    return {{"key", "lfsFile"},
            {"value", {{"path", file.name}, {"algo", "sha256"}, {"oid", file.hash}, {"size", file.size}}}};
  return {{"key", "file"},
          {"value",
           {{"content", text::encode_base64(read_file(file.path, kLargestInCommit))},
            {"path", file.name},
            {"encoding", "base64"}}}};
}

}  // namespace

std::string RepoWriter::revision() const { return quoted_url(id_.revision, false); }

void RepoWriter::create_repo(bool is_private) {
  const std::size_t slash = id_.name.find('/');
  json asked{
      {"name", id_.name.substr(slash + 1)}, {"organization", id_.name.substr(0, slash)}, {"type", "model"}};
  if (is_private) asked["visibility"] = "private";
  hub_.repeated([&] {
    const std::string what = id_.name + ": creating it";
    try {
      hub_.told(question(hub_.settings().endpoint + "/api/repos/create", asked), what);
    } catch (const HubRefusal& error) {
      if (error.status() == 409) return;  // it exists
      // Who may not create it may still be allowed to write to it.
      if (error.status() < 401 || error.status() > 403) throw;
      try {
        hub_.commit_of({id_.name});
      } catch (const HubRefusal&) {
        throw error;
      }
    }
  });
}

void RepoWriter::create_branch() {
  hub_.repeated([&] {
    try {
      hub_.told(question(models() + "/branch/" + revision(), json::object()),
                id_.text() + ": creating the branch");
    } catch (const HubRefusal& error) {
      if (error.status() != 409) throw;
    }
  });
}

std::vector<std::string> RepoWriter::check_card(const std::string& text) {
  std::vector<std::string> warnings;
  hub_.repeated([&] {
    const std::string url = hub_.settings().endpoint + "/api/validate-yaml",
                      what = id_.text() + ": README.md";
    const Hub::Answer answer = hub_.tell(question(url, {{"content", text}, {"repoType", "model"}}));
    constexpr int kBadRequest = 400;
    if (answer.head.status / 100 != 2 && answer.head.status != kBadRequest)
      refuse(answer.head, answer.url, what, hub_.settings());
    read_answer(answer, what, [&](const json& said) {
      warnings = messages(said, "warnings");
      std::string errors;
      for (const std::string& error : messages(said, "errors"))
        errors += (errors.empty() ? "" : "; ") + error;
      if (answer.head.status == kBadRequest)
        throw InputError(
            what + ": the Hub does not understand its head (the YAML between the lines \"---\"): " + errors);
      return 0;
    });
  });
  return warnings;
}

void RepoWriter::ask_modes(LocalFiles& files) {
  constexpr std::size_t kAtOnce = 256;  // as huggingface_hub
  json ignore;
  for (const LocalFile& file : files) {
    if (file.name == ".gitignore") ignore = read_file(file.path, kLargestInCommit);
  }
  for (std::size_t begin = 0; begin < files.size(); begin += kAtOnce) {
    const std::size_t end = std::min(files.size(), begin + kAtOnce);
    json asked{{"files", json::array()}};
    for (std::size_t k = begin; k < end; ++k)
      asked["files"].push_back({{"path", files[k].name},
                                {"sample", text::encode_base64(sample_of(files[k]))},
                                {"size", files[k].size}});
    if (!ignore.is_null()) asked["gitIgnore"] = ignore;
    const Hub::Answer answer = hub_.told(question(models() + "/preupload/" + revision(), asked), id_.text());
    std::map<std::string, json> modes;
    read_answer(answer, id_.text(), [&](const json& said) {
      for (const json& mode : said.at("files")) modes.emplace(mode.at("path").get<std::string>(), mode);
      for (std::size_t k = begin; k < end; ++k) {
        LocalFile& file = files[k];
        const auto mode = modes.find(file.name);
        if (mode == modes.end())
          throw InputError(id_.text() + ": " + host_of(answer.url) + " does not say how to upload " +
                           file.name);
        // An empty file cannot go up on its own (huggingface_hub, _fetch_upload_modes).
        file.large = mode->second.at("uploadMode").get<std::string>() == "lfs" && file.size > 0;
        file.ignored = mode->second.value("shouldIgnore", false);
        const auto there = mode->second.find("oid");
        file.there = there == mode->second.end() || there->is_null() ? "" : there->get<std::string>();
      }
      return 0;
    });
  }
}

std::string RepoWriter::commit(const std::vector<const LocalFile*>& files,
                               const std::vector<std::string>& deleted, const std::string& message) {
  std::string body =
      json_text({{"key", "header"}, {"value", {{"summary", message}, {"description", ""}}}}) + "\n";
  for (const LocalFile* file : files) body += json_text(line_of(*file)) + "\n";
  for (const std::string& name : deleted)
    body += json_text({{"key", "deletedFile"}, {"value", {{"path", name}}}}) + "\n";
  const Hub::Answer answer = hub_.told({.url = models() + "/commit/" + revision(),
                                        .method = "POST",
                                        .headers = {"Content-Type: application/x-ndjson"},
                                        .body = std::move(body),
                                        .works = true,
                                        .once = true},
                                       id_.text());
  return read_answer(answer, id_.text(), [&](const json& said) {
    auto commit = said.at("commitOid").get<std::string>();
    if (!is_commit(commit))
      throw InputError(id_.text() + ": " + host_of(answer.url) + " answers with the commit \"" + commit +
                       "\", which is none");
    return commit;
  });
}

}  // namespace mhub
