// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/mapped_file.hpp"

#include <atomic>
#include <cerrno>
#include <sys/mman.h>

#include "mhub/base/error.hpp"

namespace mhub {

/// One of a list that a signal handler walks without a lock: places are added, used again, never removed.
struct MappedFile::Place {
  std::atomic<bool> taken{true};
  std::atomic<const std::byte*> begin{nullptr};
  std::atomic<std::size_t> size{0};
  std::atomic<const char*> name{nullptr};
  Place* next = nullptr;

  static std::atomic<Place*> first;
  /// A free one, or a new one at the front.
  static Place* take();
};

std::atomic<MappedFile::Place*> MappedFile::Place::first{nullptr};

MappedFile::Place* MappedFile::Place::take() {
  for (Place* place = first; place != nullptr; place = place->next) {
    if (!place->taken.exchange(true)) return place;
  }
  auto* place = new Place;
  place->next = first;
  while (!first.compare_exchange_weak(place->next, place)) {
  }
  return place;
}

MappedFile::MappedFile(int descriptor, std::size_t size, const char* name) {
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (address == MAP_FAILED) throw IoError("cannot map", name, errno);
  bytes_ = {static_cast<const std::byte*>(address), size};
  place_ = Place::take();
  place_->name = name;
  place_->size = size;
  place_->begin = bytes_.data();
}

MappedFile::~MappedFile() {
  place_->begin = nullptr;
  place_->taken = false;
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

const char* MappedFile::name_at(const void* address) noexcept {
  const auto* at = static_cast<const std::byte*>(address);
  for (const Place* place = Place::first; place != nullptr; place = place->next) {
    const std::byte* begin = place->begin;
    if (begin != nullptr && at >= begin && at < begin + place->size) return place->name;
  }
  return nullptr;
}

}  // namespace mhub
