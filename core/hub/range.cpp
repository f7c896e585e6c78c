// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/range.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "mhub/hub/url.hpp"

namespace mhub {
namespace {

/// Of "bytes 0-99/1000": where it begins, the byte behind it, and the size of all where it says so; nothing
/// where it is something else.
struct ContentRange {
  std::uint64_t begin = 0, end = 0;
  std::optional<std::uint64_t> all = {};
};
std::optional<ContentRange> content_range(const std::string& text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  ContentRange range;
  const char* const end = text.data() + text.size();
  const auto number = [&](const char* at, std::uint64_t& value, char behind) {
    const auto parsed = std::from_chars(at, end, value);
    const bool right =
        parsed.ec == std::errc() && (behind == 0 || (parsed.ptr != end && *parsed.ptr == behind));
    return right ? parsed.ptr + 1 : nullptr;
  };
  const char* at = number(text.data() + kUnit.size(), range.begin, '-');
  if (at != nullptr) at = number(at, range.end, '/');
  if (at == nullptr) return std::nullopt;
  ++range.end;
  std::uint64_t all = 0;
  if (std::string_view(at, end) == "*") return range;  // it does not say (RFC 9110, 14.4)
  if (number(at, all, 0) == nullptr) return std::nullopt;
  range.all = all;
  return range;
}

std::optional<std::uint64_t> content_length(const HttpHead& head) {
  const std::string text = head.header("content-length");
  std::uint64_t length = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), length);
  return parsed.ec == std::errc() ? std::optional(length) : std::nullopt;
}

}  // namespace

RangeReader::RangeReader(Hub& hub, const std::string& repo, const std::string& commit, RepoFile file,
                         Hashed hashed)
    : hub_(hub),
      file_(std::move(file)),
      hashed_(hashed),
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

void RangeReader::require_whole(const HttpHead& head, const std::string& host) const {
  if (const std::string coding = head.header("content-encoding"); !coding.empty() && coding != "identity")
    throw HttpError(what_ + ": " + host + " sends it compressed (" + coding + "), which it was asked not to",
                    false);
  // A page that asks to log in is no file, whatever its status.
  const std::optional<std::uint64_t> length = content_length(head);
  if (length ? *length == file_.size : hashed_ == Hashed::yes) return;
  throw HttpError(
      what_ + ": " + host + " answers a question for a range with " +
          (length ? std::to_string(*length) + " bytes, which are not the file's " + std::to_string(file_.size)
                  : "all of something, and does not say how much"),
      true);
}

void RangeReader::attempt(std::uint64_t begin, std::uint64_t end,
                          const std::function<void(std::span<const std::byte>)>& take, std::uint64_t& done) {
  std::string url = address();
  std::uint64_t at = begin;         // of the next byte that is wanted
  std::uint64_t coming = 0;         // of the next byte that comes
  std::uint64_t last = file_.size;  // behind the last byte that will come
  bool begun = false;
  const auto body = [&](const HttpHead& head, std::span<const std::byte> piece) {
    if (!begun) {
      begun = true;
      // 200 instead of 206: the whole file comes, whatever was asked for.
      const std::optional<ContentRange> range = content_range(head.header("content-range"));
      if (head.status == 206 && range) {
        coming = range->begin;
        last = range->end;
      }
      if (head.status != 206) require_whole(head, host_of(url));
      if (head.status == 206 &&
          (!range || range->begin > begin || range->all.value_or(file_.size) != file_.size))
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
    // An answer that is cut short costs its connection, and a new one a handshake.
    return at < end || coming == last;
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
