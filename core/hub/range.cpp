// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/range.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "mhub/hub/url.hpp"

namespace mhub {
namespace {

/// Of "bytes 0-99/1000": the first byte and the size of all; nothing where it is something else.
struct ContentRange {
  std::uint64_t begin = 0, all = 0;
};
std::optional<ContentRange> content_range(const std::string& text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  ContentRange range;
  const char *at = text.data() + kUnit.size(), *end = text.data() + text.size();
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos || std::from_chars(at, end, range.begin).ec != std::errc() ||
      std::from_chars(text.data() + slash + 1, end, range.all).ec != std::errc())
    return std::nullopt;
  return range;
}

}  // namespace

RangeReader::RangeReader(Hub& hub, std::string repo, std::string commit, RepoFile file)
    : hub_(hub),
      file_(std::move(file)),
      what_(repo + ": " + file_.name),
      resolve_(hub.address(repo, commit, file_.name)) {}

std::string RangeReader::address() {
  const std::lock_guard guard(mutex_);
  // Small files come from the Hub itself.
  if (address_.empty()) address_ = file_.sha256.empty() ? resolve_ : hub_.location(resolve_, what_);
  return address_;
}

void RangeReader::forget(const std::string& address) {
  const std::lock_guard guard(mutex_);
  if (address_ == address) address_.clear();
}

void RangeReader::read(std::uint64_t begin, std::uint64_t end,
                       const std::function<void(std::span<const std::byte>)>& take) {
  std::uint64_t done = 0, before = 0;
  bool renewed = false;
  const auto progressed = [&] { return std::exchange(before, done) < done; };
  while (begin + done < end) {
    std::string at;
    try {
      hub_.repeated(
          [&] {
            at = address();
            attempt(begin + done, end, take, done);
          },
          progressed);
    } catch (const HubRefusal& error) {
      // A signed address that has expired: asked for once more.
      const bool expired = error.status() == 401 || error.status() == 403 || error.status() == 410;
      if (renewed || !expired || origin_of(at) == origin_of(hub_.settings().endpoint)) throw;
      renewed = true;
      forget(at);
    }
  }
}

void RangeReader::attempt(std::uint64_t begin, std::uint64_t end,
                          const std::function<void(std::span<const std::byte>)>& take, std::uint64_t& done) {
  std::string url = address();
  std::uint64_t at = begin;  // of the next byte that is wanted
  std::uint64_t coming = 0;  // of the next byte that comes
  bool begun = false;
  const auto body = [&](const HttpHead& head, std::span<const std::byte> piece) {
    if (!begun) {
      begun = true;
      // 200 instead of 206: the whole file comes, whatever was asked for.
      const std::optional<ContentRange> range = content_range(head.header("content-range"));
      if (head.status == 206 && range) coming = range->begin;
      if (head.status == 206 && (!range || range->begin > begin || range->all != file_.size))
        throw InputError(what_ + ": asked " + host_of(url) + " for bytes from " + std::to_string(begin) +
                         " of " + std::to_string(file_.size) + ", found \"" + head.header("content-range") +
                         "\"");
    }
    const std::uint64_t skipped = std::min<std::uint64_t>(at > coming ? at - coming : 0, piece.size());
    coming += piece.size();
    piece = piece.subspan(static_cast<std::size_t>(skipped));
    piece = piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), end - at)));
    if (!piece.empty()) {
      take(piece);
      at += piece.size();
      done += piece.size();
    }
    return at < end;
  };
  const std::string range = "Range: bytes=" + std::to_string(begin) + "-" + std::to_string(end - 1);
  // Compressed by the way, a file would have other ranges.
  hub_.get(url, {range, "Accept-Encoding: identity"}, body, what_);
  if (at < end)
    throw HttpError(what_ + ": " + host_of(url) + " ended at byte " + std::to_string(at) + ", expected " +
                        std::to_string(end),
                    true);
}

}  // namespace mhub
