// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/journal.hpp"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

constexpr std::size_t kChecksumDigits = 32;
constexpr const char* kTitle = "mhub journal 1 ";
constexpr const char* kNext = ".next";

/// Reads "<chunk> <checksum>"; false for anything else.
bool parse_line(const std::string& line, std::vector<std::string>& finished) {
  std::size_t chunk = 0;
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), chunk);
  if (parsed.ec != std::errc() || chunk >= finished.size()) return false;
  const std::string checksum(parsed.ptr, line.data() + line.size());
  if (checksum.size() != kChecksumDigits + 1 || checksum[0] != ' ' ||
      checksum.find_first_not_of("0123456789abcdef", 1) != std::string::npos)
    return false;
  finished[chunk] = checksum.substr(1);
  return true;
}

}  // namespace

Journal::Journal(const std::string& folder, const std::string& key, std::size_t chunks, bool resume)
    : path_((fs::path(folder) / "journal").string()), finished_(chunks) {
  const std::string first = kTitle + key + "\n";
  std::string content;
  if (resume && fs::is_regular_file(path_)) content = read_file(path_, 1ULL << 32);
  if (content.size() >= first.size() && !content.starts_with(first)) {
    throw InputError(
        folder +
        ": the interrupted conversion had another source, other options or another version of mhub; "
        "run without --resume to start anew");
  }
  for (std::size_t begin = first.size(); begin < content.size();) {
    const std::size_t end = content.find('\n', begin);
    if (end == std::string::npos) break;
    parse_line(content.substr(begin, end - begin), finished_);
    begin = end + 1;
  }
  // Written anew, so that a line that was cut off does not spoil the next one; and beside the old one, so
  // that whoever finds a journal, at whatever moment this process is killed, finds its key and all finished
  // chunks.
  std::string text = first;
  for (std::size_t k = 0; k < finished_.size(); ++k) {
    if (!finished_[k].empty()) text += std::to_string(k) + " " + finished_[k] + "\n";
  }
  replace_file(path_ + kNext, text);
  if (std::rename((path_ + kNext).c_str(), path_.c_str()) != 0) throw IoError("cannot create", path_, errno);
  descriptor_ = Descriptor("cannot open", path_, O_WRONLY | O_APPEND);
}

void Journal::add(std::size_t chunk, const std::string& checksum) {
  const std::string line = std::to_string(chunk) + " " + checksum + "\n";
  // One write to a file opened for appending is one line, whatever other threads do.
  if (::write(descriptor_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    throw IoError("cannot write", path_, errno);
}

}  // namespace mhub
