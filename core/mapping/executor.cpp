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
#include <numeric>
#include <thread>

#include "mhub/base/checksum.hpp"
#include "mhub/base/error.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub {
namespace {

/// Runs `work(k)` for every chunk, the largest first, on `jobs` threads; rethrows the first exception.
template <typename Work>
void for_each_chunk(const CopyPlan& plan, int jobs, const Work& make_work) {
  std::vector<std::size_t> order(plan.chunks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return byte_size(plan.chunks[a]) > byte_size(plan.chunks[b]);
  });
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  auto run = [&] {
    try {
      auto work = make_work();
      for (std::size_t k = next++; k < order.size(); k = next++) work(order[k], stop);
    } catch (...) {
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      stop = true;
      next = order.size();
    }
  };
  const std::size_t wanted =
      jobs > 0 ? static_cast<std::size_t>(jobs) : std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::jthread> threads;
  for (std::size_t k = 1; k < std::min(wanted, order.size()); ++k) threads.emplace_back(run);
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

}  // namespace

Executed execute(const CopyPlan& plan, TensorSink& sink, const ExecuteOptions& options) {
  Executed done{std::vector<std::string>(plan.chunks.size()), std::vector<CastLosses>(plan.chunks.size())};
  for_each_chunk(plan, sink.serial() ? 1 : options.jobs, [&] {
    return [&, reader = WindowReader(), window = std::vector<std::byte>(), there = std::vector<std::byte>()](
               std::size_t k, const std::atomic<bool>& stop) mutable {
      const ChunkPlan& chunk = plan.chunks[k];
      const std::int64_t step = window_elements(chunk);
      Checksum checksum;
      for (std::int64_t begin = 0; begin < chunk.elements && !stop; begin += step) {
        const std::int64_t count = std::min(step, chunk.elements - begin);
        const std::size_t size = size_of(chunk.dtype);
        window.resize(static_cast<std::size_t>(count) * size);
        reader.read(chunk, begin, count, window, &done.losses[k]);
        if (!options.allow_overflow && done.losses[k].to_infinity > 0)
          refuse_overflow(plan, chunk, done.losses[k]);
        checksum.update(window);
        there.resize(options.resume ? window.size() : 0);
        if (options.resume &&
            sink.read_back(chunk.tensor, chunk.chunk, static_cast<std::uint64_t>(begin) * size, there) &&
            there == window) {
          sink.keep(chunk.tensor, chunk.chunk, window);
        } else {
          sink.append(chunk.tensor, chunk.chunk, window);
        }
        if (options.on_bytes) options.on_bytes(window.size());
      }
      if (stop) return;
      done.checksums[k] = checksum.hex();
    };
  });
  return done;
}

std::vector<Difference> compare(const CopyPlan& left, const CopyPlan& right, const ExecuteOptions& options) {
  std::vector<Difference> found(left.chunks.size());
  for_each_chunk(left, options.jobs, [&] {
    return [&, left_reader = WindowReader(), right_reader = WindowReader(),
            left_window = std::vector<std::byte>(),
            right_window = std::vector<std::byte>()](std::size_t k, const std::atomic<bool>& stop) mutable {
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
