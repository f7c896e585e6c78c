// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/local_files.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/hub/etag.hpp"

namespace mhub {
namespace {

/// DEFAULT_IGNORE_PATTERNS of huggingface_hub's utils/_paths.py.
bool left_out(const fs::path& name) {
  const bool notes = name.filename() == "huggingface" && name.parent_path().filename() == ".cache";
  return name.filename() == ".git" || notes;
}

/// Throws for what the Hub takes under no name: FORBIDDEN_FOLDERS of utils/_paths.py.
void require_name(const fs::path& path, const std::string& name) {
  if (!is_utf8(name))
    throw InputError(path.string() + ": the Hub's names are UTF-8, and this is none; rename the file");
  if (("/" + name).find("/.cache/") != std::string::npos)
    throw InputError(path.string() +
                     ": the Hub takes no files of a folder .cache; move it out of the folder");
}

}  // namespace

LocalFiles files_of_folder(const std::string& folder) {
  if (!fs::exists(folder)) throw IoError(folder + ": no such folder");
  if (!fs::is_directory(folder)) throw InputError(folder + ": expected a folder to upload, found a file");
  LocalFiles files;
  for (auto at = fs::recursive_directory_iterator(folder); at != fs::recursive_directory_iterator(); ++at) {
    const fs::path& path = at->path();
    const fs::path name = path.lexically_relative(folder);
    if (left_out(name)) {
      at.disable_recursion_pending();
      continue;
    }
    if (at->is_directory() && !at->is_symlink()) continue;
    if (!at->is_regular_file())
      throw InputError(path.string() + ": expected a file or a folder, found " +
                       (at->is_directory() ? "a link to a folder" : "something else") +
                       ", which cannot be uploaded; remove it, or put what it means in its place");
    require_name(path, name.generic_string());
    files.push_back({name.generic_string(), path.string(), at->file_size()});
  }
  if (files.empty()) throw InputError(folder + ": has no file to upload");
  std::sort(files.begin(), files.end(),
            [](const LocalFile& a, const LocalFile& b) { return a.name < b.name; });
  return files;
}

std::string sample_of(const LocalFile& file) {
  constexpr std::uint64_t kSample = 512;  // UploadInfo of huggingface_hub's lfs.py
  std::string bytes(static_cast<std::size_t>(std::min(file.size, kSample)), '\0');
  InputFile(file.path).read(0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

void hash_file(LocalFile& file, const std::function<void(std::uint64_t)>& on_bytes) {
  constexpr std::uint64_t kStep = 1 << 20;
  const InputFile input(file.path);
  if (input.size() != file.size)
    throw IoError(file.path + ": had " + std::to_string(file.size) + " bytes, and has " +
                  std::to_string(input.size()) + "; somebody writes it, upload it when it is done");
  file.fingerprint = input.fingerprint();
  const auto digest = begin_etag(file.large, file.size);
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(file.size, kStep)));
  for (std::uint64_t at = 0; at < file.size; at += bytes.size()) {
    bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), file.size - at)));
    input.read(at, bytes);
    digest->update(bytes);
    on_bytes(bytes.size());
  }
  file.hash = digest->hex();
}

void require_unchanged(const LocalFile& file) {
  if (InputFile(file.path).fingerprint() != file.fingerprint)
    throw IoError(file.path + ": was changed while it was uploaded; upload the folder again");
}

}  // namespace mhub
