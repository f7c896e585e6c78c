// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/read_ahead.hpp"

#include <algorithm>

namespace mhub {

ReadAhead::ReadAhead(const CopyPlan& plan, std::vector<WorkUnit> units)
    : plan_(plan), units_(std::move(units)), thread_([this] { read_all(); }) {}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(mutex_);
    unwanted_ = true;
  }
  changed_.notify_all();
}

ReadAhead::Window* ReadAhead::next() {
  std::unique_lock lock(mutex_);
  if (held_) {
    held_ = false;
    ++taken_;
    changed_.notify_all();
  }
  changed_.wait(lock, [&] { return taken_ < made_ || ended_; });
  if (taken_ == made_) {
    if (failure_) std::rethrow_exception(failure_);
    return nullptr;
  }
  held_ = true;
  return &windows_[taken_ % kWindows];
}

void ReadAhead::read_all() {
  std::exception_ptr failure;
  try {
    WindowReader reader;
    for (const WorkUnit& unit : units_) {
      if (!read_chunk(unit.at(0), window_elements(plan_, unit), reader)) break;
    }
  } catch (...) {
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex_);
  failure_ = failure;
  ended_ = true;
  changed_.notify_all();
}

bool ReadAhead::read_chunk(std::size_t number, std::int64_t step, WindowReader& reader) {
  const ChunkPlan& chunk = plan_.chunks[number];
  std::int64_t begin = 0;
  do {
    Window* const window = room();
    if (window == nullptr) return false;
    window->chunk = number;
    window->begin = begin;
    window->count = std::min(step, chunk.elements - begin);
    window->bytes.resize(static_cast<std::size_t>(window->count) * size_of(chunk.dtype));
    window->losses = {};
    if (window->count > 0) reader.read(chunk, begin, window->count, window->bytes, &window->losses);
    begin += window->count;
    const std::lock_guard lock(mutex_);
    ++made_;
    changed_.notify_all();
  } while (begin < chunk.elements);
  return true;
}

ReadAhead::Window* ReadAhead::room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return made_ - taken_ < kWindows || unwanted_; });
  return unwanted_ ? nullptr : &windows_[made_ % kWindows];
}

}  // namespace mhub
