// SPDX-License-Identifier: Apache-2.0
#include "mhub/mapping/executor.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "mhub/base/checksum.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/processors.hpp"
#include "mhub/mapping/read_ahead.hpp"
#include "mhub/mapping/shared_runs.hpp"
#include "mhub/mapping/work_order.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub {
namespace {

std::size_t threads_of(int jobs) { return static_cast<std::size_t>(jobs > 0 ? jobs : usable_processors()); }

/// Runs `work(unit)` for all units in their order, on `jobs` threads; rethrows the first exception.
template <typename Work>
void for_each_unit(const std::vector<WorkUnit>& units, int jobs, const Work& make_work) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  auto run = [&] {
    try {
      auto work = make_work();
      for (std::size_t k = next++; k < units.size(); k = next++) work(units[k], stop);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      stop = true;
      next = units.size();
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t k = 1; k < std::min(threads_of(jobs), units.size()); ++k) threads.emplace_back(run);
  run();
  threads.clear();
  if (failure) std::rethrow_exception(failure);
}

/// One element's value; nothing for types without arithmetic.
std::optional<double> value_at(DType dtype, const std::byte* at) {
  if (!can_convert(dtype, DType::f64)) return std::nullopt;
  double value = 0;
  convert_elements(dtype, at, DType::f64, reinterpret_cast<std::byte*>(&value), 1);
  return value;
}

std::string format_value(DType dtype, const std::byte* at) {
  if (const auto value = value_at(dtype, at)) return shortest(*value);
  std::uint64_t bits = 0;
  std::memcpy(&bits, at, size_of(dtype));
  std::array<char, 16> digits{};
  return {"0x" + std::string(digits.data(), std::to_chars(digits.begin(), digits.end(), bits, 16).ptr)};
}

/// What holds more than a type does.
std::string wider_than(DType dtype) {
  if (dtype == DType::f16) return "cast to bf16 or fp32";
  return dtype == DType::bf16 ? "cast to fp32" : "convert without a cast";
}

[[noreturn]] void refuse_overflow(const CopyPlan& plan, const ChunkPlan& chunk, const CastLosses& losses) {
  const SinkTensor& tensor = plan.tensors[chunk.tensor];
  std::string parts;
  for (const std::string& name : source_names(plan, chunk)) parts += (parts.empty() ? "" : ", ") + name;
  throw InputError("tensor " + tensor.name +
                   (parts.empty() || parts == tensor.name ? "" : " (of " + parts + ")") + ": " +
                   shortest(losses.largest) + " is infinite in " + std::string(torch_name(tensor.dtype)) +
                   "; " + wider_than(tensor.dtype) + ", or allow the overflow (--allow-overflow)");
}

/// Adds the differing elements of one window to the tensor's entry.
void note_differences(const ChunkPlan& chunk, std::int64_t begin, std::span<const std::byte> left,
                      std::span<const std::byte> right, Difference& difference) {
  const std::size_t size = size_of(chunk.dtype);
  for (std::size_t at = 0; at < left.size(); at += size) {
    if (std::memcmp(left.data() + at, right.data() + at, size) == 0) continue;
    const auto a = value_at(chunk.dtype, left.data() + at), b = value_at(chunk.dtype, right.data() + at);
    if (a && !std::isnan(*a - *b))
      difference.largest = std::max(difference.largest.value_or(0), std::abs(*a - *b));
    if (difference.count++ == 0) {
      difference.first_index = begin + static_cast<std::int64_t>(at / size);
      difference.left = format_value(chunk.dtype, left.data() + at);
      difference.right = format_value(chunk.dtype, right.data() + at);
    }
  }
}

/// One thread of `execute`.
class Writer {
 public:
  Writer(const CopyPlan& plan, TensorSink& sink, const ExecuteOptions& options, Executed& done)
      : plan_(plan), sink_(sink), options_(options), done_(done) {}
  Writer(Writer&&) = default;

  void operator()(const WorkUnit& unit, const std::atomic<bool>& stop) {
    std::vector<const ChunkPlan*> chunks;
    for (const std::size_t k : unit) chunks.push_back(&plan_.chunks[k]);
    std::vector<Checksum> checksums(unit.size());
    shared_.clear();
    for (const std::size_t k : unit) shared_.push_back(share(k));
    const std::int64_t elements = chunks[0]->elements, step = window_elements(plan_, unit);
    for (std::int64_t begin = 0; begin < elements; begin += step) {
      const std::int64_t count = std::min(step, elements - begin);
      if (unit.size() > 1) reader_.hold(chunks, begin, count);
      for (std::size_t at = 0; at < unit.size(); ++at) {
        if (stop) return;
        const ChunkPlan& chunk = *chunks[at];
        window_.resize(static_cast<std::size_t>(count) * size_of(chunk.dtype));
        reader_.read(chunk, begin, count, window_, &done_.losses[unit[at]]);
        write(unit[at], begin, window_, shared_[at], checksums[at]);
      }
    }
    reader_.hold({}, 0, 0);
    for (std::size_t at = 0; at < unit.size(); ++at) done_.checksums[unit[at]] = checksums[at].hex();
  }

  /// All chunks, one after another, while the next are read.
  void write_in_order(ReadAhead& windows) {
    std::optional<Checksum> checksum;
    while (const ReadAhead::Window* window = windows.next()) {
      const std::size_t k = window->chunk;
      if (window->begin == 0) {
        checksum.emplace();
        shared_ = {share(k)};
      }
      done_.losses[k].add(window->losses);
      write(k, window->begin, window->bytes, shared_[0], *checksum);
      if (window->begin + window->count == plan_.chunks[k].elements) done_.checksums[k] = checksum->hex();
    }
  }

 private:
  /// Has the sink share what it can of a chunk; which bytes it did, in their order.
  std::vector<ByteRange> share(std::size_t k) {
    const ChunkPlan& chunk = plan_.chunks[k];
    std::vector<ByteRange> shared;
    std::uint64_t bytes = 0;
    for (const SharedRun& run : shared_runs(chunk)) {
      const ByteRange range = sink_.share(chunk.tensor, chunk.chunk, run.at, *run.bytes, run.from, run.size);
      if (range.size() == 0) continue;
      shared.push_back(range);
      bytes += range.size();
    }
    std::atomic_ref(done_.shared_bytes) += bytes;
    return shared;
  }

  /// Gives the sink a window of a chunk, which begins at byte `begin` of it.
  void put(const ChunkPlan& chunk, std::uint64_t begin, std::span<const std::byte> window,
           const std::vector<ByteRange>& shared) {
    const std::uint64_t end = begin + window.size();
    const auto give = [&](std::uint64_t from, std::uint64_t to, bool there) {
      if (from >= to) return;
      const auto bytes = window.subspan(from - begin, to - from);
      there ? sink_.keep(chunk.tensor, chunk.chunk, bytes) : sink_.append(chunk.tensor, chunk.chunk, bytes);
    };
    auto next = std::partition_point(shared.begin(), shared.end(),
                                     [&](const ByteRange& r) { return r.end <= begin; });
    std::uint64_t at = begin;
    for (; next != shared.end() && next->begin < end; ++next) {
      const std::uint64_t from = std::max(at, next->begin), to = std::min(end, next->end);
      give(at, from, false);
      give(from, to, true);
      at = to;
    }
    give(at, end, false);
  }

  /// A window of a chunk, from element `begin` on.
  void write(std::size_t k, std::int64_t begin, std::span<const std::byte> window,
             const std::vector<ByteRange>& shared, Checksum& checksum) {
    const ChunkPlan& chunk = plan_.chunks[k];
    const std::uint64_t at = static_cast<std::uint64_t>(begin) * size_of(chunk.dtype);
    if (!options_.allow_overflow && done_.losses[k].to_infinity > 0)
      refuse_overflow(plan_, chunk, done_.losses[k]);
    checksum.update(window);
    there_.resize(options_.resume ? window.size() : 0);
    if (options_.resume && sink_.read_back(chunk.tensor, chunk.chunk, at, there_) &&
        std::ranges::equal(there_, window)) {
      sink_.keep(chunk.tensor, chunk.chunk, window);
    } else {
      put(chunk, at, window, shared);
    }
    if (options_.on_bytes) options_.on_bytes(window.size());
  }

  const CopyPlan& plan_;
  TensorSink& sink_;
  const ExecuteOptions& options_;
  Executed& done_;
  WindowReader reader_;
  std::vector<std::byte> window_, there_;
  std::vector<std::vector<ByteRange>> shared_;  ///< of the unit's chunks
};

}  // namespace

Executed execute(const CopyPlan& plan, TensorSink& sink, const ExecuteOptions& options) {
  Executed done{std::vector<std::string>(plan.chunks.size()), std::vector<CastLosses>(plan.chunks.size()), 0};
  const bool serial = sink.serial();
  std::vector<WorkUnit> units = work_units(plan, !serial);
  if (serial && threads_of(options.jobs) > 1) {
    ReadAhead windows(plan, std::move(units));
    Writer(plan, sink, options, done).write_in_order(windows);
  } else {
    for_each_unit(units, options.jobs, [&] { return Writer(plan, sink, options, done); });
  }
  return done;
}

std::vector<Difference> compare(const CopyPlan& left, const CopyPlan& right, const ExecuteOptions& options) {
  std::vector<Difference> found(left.chunks.size());
  for_each_unit(work_units(left, false), options.jobs, [&] {
    return [&, left_reader = WindowReader(), right_reader = WindowReader(),
            left_window = std::vector<std::byte>(), right_window = std::vector<std::byte>()](
               const WorkUnit& unit, const std::atomic<bool>& stop) mutable {
      const std::size_t k = unit[0];
      const ChunkPlan& chunk = left.chunks[k];
      const std::int64_t step = std::min(window_elements(chunk), window_elements(right.chunks[k]));
      found[k].tensor = left.tensors[chunk.tensor].name;
      for (std::int64_t begin = 0; begin < chunk.elements && !stop; begin += step) {
        const std::int64_t count = std::min(step, chunk.elements - begin);
        const std::size_t bytes = static_cast<std::size_t>(count) * size_of(chunk.dtype);
        left_window.resize(bytes);
        right_window.resize(bytes);
        left_reader.read(chunk, begin, count, left_window);
        right_reader.read(right.chunks[k], begin, count, right_window);
        if (std::memcmp(left_window.data(), right_window.data(), bytes) != 0) {
          note_differences(chunk, begin, left_window, right_window, found[k]);
        }
        if (options.on_bytes) options.on_bytes(bytes);
      }
    };
  });
  std::erase_if(found, [](const Difference& difference) { return difference.count == 0; });
  return found;
}

}  // namespace mhub
