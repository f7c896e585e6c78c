// SPDX-License-Identifier: Apache-2.0
#include "mhub/hub/remote_bytes.hpp"

#include <algorithm>
#include <cstring>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

/// Most headers of a sharded model are shorter.
constexpr std::uint64_t kFirst = 32 << 10;
/// A header above that is refused by whoever parses it.
constexpr std::uint64_t kLargestHeader = 100'000'000;

}  // namespace

RemoteBytes::RemoteBytes(std::shared_ptr<Hub> hub, const RepoId& id, const std::string& commit,
                         const RepoFile& file, std::string address)
    : hub_(std::move(hub)), address_(std::move(address)), reader_(*hub_, id.name, commit, file, Hashed::no) {}

void RemoteBytes::fetch(std::uint64_t begin, std::uint64_t end, std::vector<std::byte>& out) const {
  out.reserve(out.size() + static_cast<std::size_t>(end - begin));
  reader_.read(begin, end,
               [&](std::span<const std::byte> piece) { out.insert(out.end(), piece.begin(), piece.end()); });
}

void RemoteBytes::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size() || out.size() > size() - offset)
    throw IoError(address_ + ": has " + std::to_string(size()) + " bytes, expected " +
                  std::to_string(out.size()) + " from " + std::to_string(offset));
  if (out.empty()) return;
  const auto copied = [&] {
    auto part = parts_.upper_bound(offset);
    if (part == parts_.begin()) return false;
    --part;
    const std::uint64_t skipped = offset - part->first;
    if (part->second.size() < skipped + out.size()) return false;
    std::memcpy(out.data(), part->second.data() + skipped, out.size());
    return true;
  };
  std::unique_lock guard(mutex_);
  if (copied()) return;
  if (blocks_ != nullptr) {
    guard.unlock();
    blocks_->read(*this, offset, out);
    return;
  }
  std::vector<std::byte> bytes;
  fetch(offset, std::min(size(), offset + std::max<std::uint64_t>(out.size(), kFirst)), bytes);
  parts_[offset] = std::move(bytes);
  copied();
}

void RemoteBytes::fetch_header() const {
  std::vector<std::byte> bytes;
  fetch(0, std::min(size(), kFirst), bytes);
  std::uint64_t length = 0;
  if (bytes.size() >= sizeof(length)) std::memcpy(&length, bytes.data(), sizeof(length));
  const std::uint64_t end = std::min(size(), sizeof(length) + std::min(length, kLargestHeader));
  if (end > bytes.size()) fetch(bytes.size(), end, bytes);
  bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), end)));
  const std::lock_guard guard(mutex_);
  parts_[0] = std::move(bytes);
}

bool RemoteBytes::renew_header() const {
  std::vector<std::byte> before;
  {
    const std::lock_guard guard(mutex_);
    before = parts_[0];
  }
  fetch_header();
  const std::lock_guard guard(mutex_);
  return parts_[0] != before;
}

std::uint64_t RemoteBytes::front() const {
  const std::lock_guard guard(mutex_);
  const auto first = parts_.find(0);
  return first == parts_.end() ? 0 : first->second.size();
}

}  // namespace mhub
