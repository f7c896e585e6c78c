// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "mhub/runtime/device/device.hpp"

namespace mhub::tests {

/// A device that is this computer: its memory is ours, its kernels run with `lanes` threads as the lanes of a
/// group, and what a GPU's library computes as a graph is computed here in plain loops in double. So
/// everything of the device backend but the GPU itself is tested where there is none. New memory is filled
/// with NaN.
class HostDevice final : public runtime::Device {
 public:
  explicit HostDevice(int lanes = 1) : lanes_(lanes) {}

  std::string describe() const override { return "host"; }
  std::size_t memory() const override { return std::size_t{1} << 30; }
  std::shared_ptr<std::byte> allocate(std::size_t bytes) override;
  std::unique_ptr<runtime::GrowingMemory> reserve(std::size_t bytes) override;
  void upload(const void* host, std::size_t bytes, void* device) override;
  void upload_rows(std::int64_t rows, std::size_t row_bytes, const Fill& fill, void* device) override;
  void clear(void* device, std::size_t bytes) override;
  void download(const void* device, std::size_t bytes, void* host) override;
  void launch(const runtime::Kernel& kernel) override;
  void run(const runtime::LinearSpec& spec, const runtime::LinearOperands& operands) override;
  void run(const runtime::NormSpec& spec, const runtime::NormOperands& operands) override;
  void run(const runtime::AttentionSpec& spec, const runtime::AttentionOperands& operands) override;

  /// What ran, in order: names of kernels and texts of graphs.
  const std::vector<std::string>& log() const { return log_; }
  void forget_log() { log_.clear(); }

 private:
  int lanes_;
  std::vector<std::string> log_;
};

}  // namespace mhub::tests
