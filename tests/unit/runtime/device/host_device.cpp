// SPDX-License-Identifier: Apache-2.0
#include "runtime/device/host_device.hpp"

#include <algorithm>
#include <barrier>
#include <cmath>
#include <cstring>
#include <sys/mman.h>
#include <thread>

#include "mhub/base/error.hpp"

namespace mhub::tests {
namespace {

using namespace mhub::runtime;

/// One thread is the whole group.
class OneLane {
 public:
  std::int64_t lane() const { return 0; }
  std::int64_t lanes() const { return 1; }
  float sum(float value) const { return value; }
  RowEntry first(RowEntry entry) const { return entry; }
};

/// One of several threads that meet in sum() and first().
class ThreadLane {
 public:
  ThreadLane(int lane, std::vector<RowEntry>& shared, std::barrier<>& barrier)
      : lane_(lane), shared_(shared), barrier_(barrier) {}
  std::int64_t lane() const { return lane_; }
  std::int64_t lanes() const { return static_cast<std::int64_t>(shared_.size()); }
  float sum(float value) const {
    return meet({value, 0}, [&] {
      float total = 0.0F;
      for (const RowEntry& part : shared_) total += part.value;
      return total;
    });
  }
  RowEntry first(RowEntry entry) const {
    return meet(entry, [&] { return *std::min_element(shared_.begin(), shared_.end(), ranks_before); });
  }

 private:
  /// What combine() makes of the entries of all lanes.
  template <typename Combine>
  auto meet(RowEntry mine, const Combine& combine) const -> decltype(combine()) {
    shared_[static_cast<std::size_t>(lane_)] = mine;
    barrier_.arrive_and_wait();
    const auto result = combine();
    barrier_.arrive_and_wait();
    return result;
  }

  int lane_;
  std::vector<RowEntry>& shared_;
  std::barrier<>& barrier_;
};

class ReservedMemory final : public GrowingMemory {
 public:
  explicit ReservedMemory(std::size_t bytes) : reserved_(bytes) {
    void* memory = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw IoError("cannot reserve memory");
    base_ = static_cast<std::byte*>(memory);
  }
  ReservedMemory(const ReservedMemory&) = delete;
  ReservedMemory& operator=(const ReservedMemory&) = delete;
  ~ReservedMemory() override { ::munmap(base_, reserved_); }
  std::byte* base() const override { return base_; }
  std::size_t size() const override { return size_; }
  void grow(std::size_t bytes) override {
    if (bytes > reserved_) throw std::logic_error("grown beyond what was reserved");
    if (::mprotect(base_, bytes, PROT_READ | PROT_WRITE) != 0) throw IoError("cannot grow memory");
    size_ = bytes;
  }

 private:
  std::byte* base_;
  std::size_t reserved_, size_ = 0;
};

double at(const void* array, Element element, std::int64_t index) {
  return static_cast<double>(load(array, element, index));
}

/// The softmax-weighted values of one query head, by the definition.
void attend_one(const AttentionSpec& spec, const AttentionOperands& o, std::int64_t b, std::int64_t query,
                std::int64_t head) {
  constexpr std::int64_t kPage = LayerCache::kTokens;
  const std::int64_t group = head / (spec.heads / spec.groups), pages = spec.keys / kPage;
  const std::int64_t last = query + o.key_lengths[b] - o.query_lengths[b];
  const std::int64_t first = spec.window > 0 ? std::max<std::int64_t>(0, last - spec.window + 1) : 0;
  const std::int64_t row = (b * spec.queries + query) * spec.heads + head;
  auto token_at = [&](const std::int32_t* tables, std::int64_t limit, std::int64_t token, std::int64_t dim) {
    const std::int64_t page = tables[b * pages + token / kPage];
    if (page < 0 || page >= limit) throw std::logic_error("a page table holds no page");
    return ((page * spec.groups + group) * kPage + token % kPage) * dim;
  };
  std::vector<double> weights, sums(static_cast<std::size_t>(spec.value_dim));
  double largest = spec.sinks ? static_cast<double>(o.sinks[head]) : -INFINITY;
  for (std::int64_t token = first; token <= last; ++token) {
    const std::int64_t key = token_at(o.key_tables, spec.key_pages, token, spec.key_dim);
    double score = 0;
    for (std::int64_t c = 0; c < spec.key_dim; ++c)
      score += at(o.queries, spec.element, row * spec.key_dim + c) * at(o.keys, spec.element, key + c);
    weights.push_back(score * static_cast<double>(spec.scale));
    largest = std::max(largest, weights.back());
  }
  double total = spec.sinks ? std::exp(static_cast<double>(o.sinks[head]) - largest) : 0.0;
  for (double& weight : weights) total += weight = std::exp(weight - largest);
  for (std::int64_t token = first; token <= last; ++token) {
    const std::int64_t value = token_at(o.value_tables, spec.value_pages, token, spec.value_dim);
    for (std::int64_t c = 0; c < spec.value_dim; ++c)
      sums[static_cast<std::size_t>(c)] +=
          weights[static_cast<std::size_t>(token - first)] * at(o.values, spec.element, value + c);
  }
  for (std::int64_t c = 0; c < spec.value_dim; ++c)
    store(o.out, spec.element, row * spec.value_dim + c,
          static_cast<float>(sums[static_cast<std::size_t>(c)] / total));
}

}  // namespace

std::shared_ptr<std::byte> HostDevice::allocate(std::size_t bytes) {
  std::shared_ptr<std::byte> memory(new std::byte[bytes + 1], std::default_delete<std::byte[]>());
  std::memset(memory.get(), 0xff, bytes);
  return memory;
}

std::unique_ptr<GrowingMemory> HostDevice::reserve(std::size_t bytes) {
  return std::make_unique<ReservedMemory>(bytes);
}

void HostDevice::upload(const void* host, std::size_t bytes, void* device) {
  if (bytes > 0) std::memcpy(device, host, bytes);
}

void HostDevice::upload_rows(std::int64_t rows, std::size_t row_bytes, const Fill& fill, void* device) {
  constexpr std::int64_t kRows = 3;  // few, so that pieces begin in the middle of blocks
  std::vector<std::byte> piece(static_cast<std::size_t>(kRows) * row_bytes);
  for (std::int64_t row = 0; row < rows; row += kRows) {
    const std::size_t bytes = static_cast<std::size_t>(std::min(kRows, rows - row)) * row_bytes;
    fill(row, {piece.data(), bytes});
    std::memcpy(static_cast<std::byte*>(device) + static_cast<std::size_t>(row) * row_bytes, piece.data(),
                bytes);
  }
}

void HostDevice::clear(void* device, std::size_t bytes) { std::memset(device, 0, bytes); }

void HostDevice::download(const void* device, std::size_t bytes, void* host) {
  std::memcpy(host, device, bytes);
}

void HostDevice::launch(const Kernel& kernel) {
  std::visit(
      [&](const auto& work) {
        log_.emplace_back(work.kName);
        if (lanes_ == 1) {
          for (std::int64_t item = 0; item < work.items(); ++item) work(item, OneLane());
          return;
        }
        std::vector<RowEntry> shared(static_cast<std::size_t>(lanes_));
        std::barrier<> barrier(lanes_);
        std::vector<std::thread> threads;
        for (int lane = 0; lane < lanes_; ++lane) {
          threads.emplace_back([&, lane] {
            for (std::int64_t item = 0; item < work.items(); ++item)
              work(item, ThreadLane(lane, shared, barrier));
          });
        }
        for (std::thread& thread : threads) thread.join();
      },
      kernel);
}

void HostDevice::run(const LinearSpec& spec, const LinearOperands& o) {
  log_.push_back(to_string(spec));
  auto product = [&](std::int64_t t, std::int64_t n) {
    double sum = spec.bias ? static_cast<double>(o.bias[n]) : 0.0;
    for (std::int64_t k = 0; k < spec.inputs; ++k)
      sum += at(o.in, spec.element, t * spec.inputs + k) * at(o.weight, spec.element, n * spec.inputs + k);
    return static_cast<float>(sum);
  };
  for (std::int64_t t = 0; t < spec.tokens; ++t) {
    for (std::int64_t n = 0; n < spec.outputs; ++n)
      o.out[t * spec.outputs + n] =
          activated(spec.activation, product(t, n)) * (spec.gated ? product(t, spec.outputs + n) : 1.0F);
  }
}

void HostDevice::run(const NormSpec& spec, const NormOperands& o) {
  log_.push_back(to_string(spec));
  const auto count = static_cast<double>(spec.columns);
  for (std::int64_t r = 0; r < spec.rows; ++r) {
    const float* in = o.in + r * spec.columns;
    double mean = 0, square = 0;
    for (std::int64_t c = 0; c < spec.columns; ++c) mean += static_cast<double>(in[c]) / count;
    if (spec.kind == NormKind::rms) mean = 0;
    for (std::int64_t c = 0; c < spec.columns; ++c)
      square += std::pow(static_cast<double>(in[c]) - mean, 2) / count;
    for (std::int64_t c = 0; c < spec.columns; ++c) {
      const double value =
          (static_cast<double>(in[c]) - mean) / std::sqrt(square + static_cast<double>(o.epsilon));
      o.out[r * spec.columns + c] = static_cast<float>(value * static_cast<double>(o.weight[c]) +
                                                       (spec.bias ? static_cast<double>(o.bias[c]) : 0));
    }
  }
}

void HostDevice::run(const AttentionSpec& spec, const AttentionOperands& operands) {
  log_.push_back(to_string(spec));
  for (std::int64_t b = 0; b < spec.batch; ++b) {
    for (std::int64_t query = 0; query < operands.query_lengths[b]; ++query) {
      for (std::int64_t head = 0; head < spec.heads; ++head) attend_one(spec, operands, b, query, head);
    }
  }
}

}  // namespace mhub::tests
