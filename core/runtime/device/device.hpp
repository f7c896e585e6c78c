// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>

#include "mhub/runtime/device/cache_kernels.hpp"
#include "mhub/runtime/device/delta_net_kernels.hpp"
#include "mhub/runtime/device/graph_spec.hpp"
#include "mhub/runtime/device/head_kernels.hpp"
#include "mhub/runtime/device/mamba_kernels.hpp"
#include "mhub/runtime/device/matrix_kernels.hpp"

namespace mhub::runtime {

using Kernel = std::variant<EmbedKernel, RoundKernel, CombineKernel, ScaleKernel, SoftCapKernel,
                            ActivateKernel, GatherKernel, ScatterAddKernel, DotKernel, NormKernel,
                            RotateKernel, GateKernel, CopyHeadsKernel, StoreCacheKernel, PackQueriesKernel,
                            UnpackOutputKernel, AttendKernel, LargestKernel, ConvolveKernel, KeepInputsKernel,
                            DeltaRuleKernel, GatedNormKernel, ScanKernel, GateAndNormKernel>;

/// Addresses that stay where they are while memory is put behind more and more of them.
class GrowingMemory {
 public:
  virtual ~GrowingMemory() = default;
  virtual std::byte* base() const = 0;
  /// Bytes that can be used now, from the base; new ones are zero.
  virtual std::size_t size() const = 0;
  /// Makes at least `bytes` usable. Throws IoError when the device has no more.
  virtual void grow(std::size_t bytes) = 0;
};

/// A device with memory of its own, as the backend (device_backend.hpp) drives it. Work runs in the order of
/// the calls, later than they return; only download() waits. All functions throw IoError when the device
/// fails.
class Device {
 public:
  virtual ~Device() = default;
  /// For people: "NVIDIA H100 80GB HBM3, cuDNN 9.19".
  virtual std::string describe() const = 0;
  /// Bytes of memory, used or not.
  virtual std::size_t memory() const = 0;

  /// Memory aligned to 256 bytes, not initialised.
  virtual std::shared_ptr<std::byte> allocate(std::size_t bytes) = 0;
  /// Addresses for up to `bytes`.
  virtual std::unique_ptr<GrowingMemory> reserve(std::size_t bytes) = 0;
  /// The host's bytes may change as soon as it returns.
  virtual void upload(const void* host, std::size_t bytes, void* device) = 0;
  /// Uploads `rows` rows of `row_bytes`, which fill(first row, bytes of whole rows) puts into pinned buffers
  /// while earlier ones travel.
  using Fill = std::function<void(std::int64_t first_row, std::span<std::byte> rows)>;
  virtual void upload_rows(std::int64_t rows, std::size_t row_bytes, const Fill& fill, void* device) = 0;
  /// Sets all bytes to 0.
  virtual void clear(void* device, std::size_t bytes) = 0;
  virtual void download(const void* device, std::size_t bytes, void* host) = 0;

  virtual void launch(const Kernel& kernel) = 0;
  virtual void run(const LinearSpec& spec, const LinearOperands& operands) = 0;
  virtual void run(const NormSpec& spec, const NormOperands& operands) = 0;
  virtual void run(const AttentionSpec& spec, const AttentionOperands& operands) = 0;
};

}  // namespace mhub::runtime
