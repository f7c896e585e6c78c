// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/lfs.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/parallel.hpp"
#include "mhub/hub/answers.hpp"

namespace mhub {
namespace {

using nlohmann::json;

constexpr const char* kLfsJson = "application/vnd.git-lfs+json";

std::vector<std::string> lfs_headers() {
  return {std::string("Accept: ") + kLfsJson, std::string("Content-Type: ") + kLfsJson};
}

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Lines of a head, which no text of an answer may end.
std::string header_line(const std::string& name, const std::string& value, const std::string& what) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
  if (!std::all_of(name.begin(), name.end(), is_plain) || !std::all_of(value.begin(), value.end(), is_plain))
    throw InputError(what + ": the Hub asks for a header that cannot be one");
  return name + ": " + value;
}

}  // namespace

/// How far a file is. What is sent again is not counted again.
class LfsUpload::Sent {
 public:
  explicit Sent(Stage& stage) : stage_(stage) {}
  void reached(std::uint64_t begin, std::uint64_t end) {
    std::uint64_t more = 0;
    {
      const std::lock_guard guard(mutex_);
      std::uint64_t& known = known_.try_emplace(begin, begin).first->second;
      more = end > known ? end - known : 0;
      known += more;
    }
    stage_.add(more);
  }

 private:
  Stage& stage_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::uint64_t> known_;  ///< of pieces: begin, and how far
};

/// A mirror gives addresses of the Hub itself (huggingface_hub's utils/_http.py, fix_hf_endpoint_in_url).
std::string LfsUpload::here(std::string url) const {
  constexpr std::string_view kHub = "https://huggingface.co/";
  if (url.starts_with(kHub)) url.replace(0, kHub.size() - 1, hub_.settings().endpoint);
  return url;
}

LfsUpload::Object LfsUpload::object(const LocalFile& file, const json& said) const {
  Object object{.file = &file,
                .upload = here(said.at("upload").at("href")),
                .verify = {},
                .part = 0,
                .parts = {},
                .headers = {}};
  if (const auto verify = said.find("verify"); verify != said.end())
    object.verify = here(verify->at("href").get<std::string>());
  std::map<std::uint64_t, std::string> parts;
  const json header = said.at("upload").value("header", json::object());
  for (const auto& [name, value] : header.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : json_text(value);
    if (name == "chunk_size") {
      object.part = number(text).value_or(0);
    } else if (const auto part = number(name)) {
      parts[*part] = text;
    } else {
      object.headers.push_back(header_line(name, text, what(file)));
    }
  }
  for (const auto& [part, url] : parts) object.parts.push_back(url);
  const std::uint64_t expected = object.part == 0 ? 0 : (file.size + object.part - 1) / object.part;
  if (object.parts.size() != expected)
    throw InputError(what(file) + ": the Hub gives " + std::to_string(object.parts.size()) +
                     " addresses for its parts, expected " + std::to_string(expected));
  return object;
}

std::vector<LfsUpload::Object> LfsUpload::wanted(const std::vector<const LocalFile*>& files) {
  json asked{{"operation", "upload"},
             {"transfers", {"basic", "multipart"}},
             {"objects", json::array()},
             {"hash_algo", "sha256"},
             {"ref", {{"name", id_.revision}}}};
  std::map<std::string, const LocalFile*> by_hash;
  for (const LocalFile* file : files) {
    by_hash.emplace(file->hash, file);
    asked["objects"].push_back({{"oid", file->hash}, {"size", file->size}});
  }
  Hub::Answer answer;
  hub_.repeated([&] {
    answer = hub_.told({.url = hub_.settings().endpoint + "/" + id_.name + ".git/info/lfs/objects/batch",
                        .method = "POST",
                        .headers = lfs_headers(),
                        .body = json_text(asked)},
                       id_.text());
  });
  return read_answer(answer, id_.text(), [&](const json& said) {
    std::vector<Object> objects;
    for (const json& one : said.at("objects")) {
      const auto found = by_hash.find(one.at("oid").get<std::string>());
      // The same content under two names is asked for twice, and sent once.
      if (found == by_hash.end() || found->second == nullptr) continue;
      const LocalFile& file = *std::exchange(found->second, nullptr);
      if (const auto error = one.find("error"); error != one.end())
        throw IoError(what(file) +
                      ": the Hub does not take it: " + error->value("message", "no reason given"));
      if (const auto actions = one.find("actions"); actions != one.end() && actions->contains("upload"))
        objects.push_back(object(file, *actions));
    }
    for (const auto& [hash, file] : by_hash) {
      if (file != nullptr)
        throw InputError(what(*file) + ": " + host_of(answer.url) + " does not say whether it wants it");
    }
    return objects;
  });
}

HttpHead LfsUpload::put(const Object& object, const std::string& url, std::uint64_t begin, std::uint64_t end,
                        Sent& sent) {
  const InputFile input(object.file->path);
  HttpHead head;
  hub_.repeated([&] {
    HttpRequest request{.url = url, .method = "PUT", .headers = object.headers, .works = true};
    request.upload.size = end - begin;
    request.upload.read = [&](std::uint64_t offset, std::span<std::byte> out) {
      input.read(begin + offset, out);
      sent.reached(begin, begin + offset + out.size());
    };
    head = hub_.told(std::move(request), what(*object.file)).head;
  });
  return head;
}

void LfsUpload::post(const std::string& url, const json& asked, const std::vector<std::string>& headers,
                     const std::string& what) {
  hub_.repeated([&] {
    hub_.told({.url = url, .method = "POST", .headers = headers, .body = json_text(asked), .works = true},
              what);
  });
}

void LfsUpload::send_parts(const Object& object, std::size_t threads, Sent& sent) {
  const LocalFile& file = *object.file;
  std::vector<std::string> etags(object.parts.size());
  for_all(object.parts.size(), threads, [&](std::size_t k) {
    const std::uint64_t begin = k * object.part;
    etags[k] =
        put(object, object.parts[k], begin, std::min(file.size, begin + object.part), sent).header("etag");
  });
  json listed = json::array();
  for (std::size_t k = 0; k < etags.size(); ++k) {
    if (etags[k].empty())
      throw InputError(what(file) + ": " + host_of(object.parts[k]) + " gives no ETag for part " +
                       std::to_string(k + 1));
    listed.push_back({{"partNumber", k + 1}, {"etag", etags[k]}});
  }
  post(object.upload, {{"oid", file.hash}, {"parts", listed}}, lfs_headers(), what(file));
}

void LfsUpload::send_object(Object object, std::size_t threads, Stage& stage) {
  const LocalFile& file = *object.file;
  Sent sent(stage);
  for (bool renewed = false;; renewed = true) {
    try {
      if (object.part > 0) {
        send_parts(object, threads, sent);
      } else {
        put(object, object.upload, 0, file.size, sent);
      }
      break;
    } catch (const HubRefusal& error) {
      // A signed address that has expired: another one is asked for, once.
      constexpr int kForbidden = 403;
      if (renewed || error.status() != kForbidden) throw;
      std::vector<Object> again = wanted({&file});
      if (again.empty()) return;  // somebody else brought it
      object = std::move(again.front());
    }
  }
  if (!object.verify.empty())
    post(object.verify, {{"oid", file.hash}, {"size", file.size}}, {"Content-Type: application/json"},
         what(file));
}

std::uint64_t LfsUpload::send(const std::vector<const LocalFile*>& files, const Callbacks& callbacks) {
  constexpr std::size_t kAtOnce = 256;  // UPLOAD_BATCH_MAX_NUM_FILES of huggingface_hub's _commit_api.py
  std::vector<Object> objects;
  for (std::size_t begin = 0; begin < files.size(); begin += kAtOnce) {
    const auto first = files.begin() + static_cast<std::ptrdiff_t>(begin);
    const std::size_t count = std::min(kAtOnce, files.size() - begin);
    for (Object& one : wanted({first, first + static_cast<std::ptrdiff_t>(count)}))
      objects.push_back(std::move(one));
  }
  std::uint64_t bytes = 0;
  for (const Object& one : objects) bytes += one.file->size;
  if (objects.empty()) return 0;
  Stage stage(callbacks, "uploading", bytes);
  const auto threads = static_cast<std::size_t>(std::max(1, connections_));
  const std::size_t in_parts = std::max<std::size_t>(1, threads / objects.size());
  for_all(objects.size(), threads, [&](std::size_t k) { send_object(objects[k], in_parts, stage); });
  return bytes;
}

}  // namespace mhub
