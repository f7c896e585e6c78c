// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <libdeflate.h>

#include "mhub/base/file.hpp"
#include "mhub/store/pickle/pickle.hpp"
#include "mhub/store/torch_zip/torch_zip.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kAlignment = 64;  // caffe2/serialize/inline_container.h, kFieldAlignment
constexpr std::uint64_t kZip64 = 0xffffffff;
constexpr std::uint64_t kLocalBytes = 30;

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int k = 0; k < bytes; ++k) out += static_cast<char>(value >> (8 * k));
}

void put_twice(std::string& out, std::uint64_t value, int bytes) {
  put(out, value, bytes);
  put(out, value, bytes);
}

const PickleNode* integers(PickleArena& arena, std::span<const std::int64_t> values) {
  std::vector<const PickleNode*> items;
  for (const std::int64_t value : values) items.push_back(arena.integer(value));
  return arena.tuple(std::move(items));
}

std::uint32_t crc_of(std::uint32_t crc, std::span<const std::byte> data) {
  return libdeflate_crc32(crc, data.data(), data.size());
}

constexpr std::uint64_t align(std::uint64_t offset) {
  return (offset + kAlignment - 1) / kAlignment * kAlignment;
}

/// Readers take a record's place from its header, so it may be at any (get_record_offset in
/// inline_container.cc): where it shares blocks with its source's file rather than where torch puts it.
constexpr std::uint64_t placed(std::uint64_t offset, int phase) {
  return phase < 0 ? align(offset) : at_phase(offset, phase);
}

}  // namespace

const PickleNode* tensor_node(PickleArena& arena, DType dtype, const Shape& shape, std::size_t key) {
  const std::string typed(torch_storage_name(dtype));
  const std::int64_t count = numel(shape);
  const std::int64_t size = typed.empty() ? count * static_cast<std::int64_t>(size_of(dtype)) : count;
  const PickleNode* id =
      arena.tuple({arena.string("storage"),
                   arena.global(typed.empty() ? "torch.storage UntypedStorage" : "torch " + typed),
                   arena.string(std::to_string(key)), arena.string("cpu"), arena.integer(size)});
  const PickleNode* storage = arena.make({.kind = PickleNode::Kind::persistent, .items = {id}});
  std::vector<const PickleNode*> arguments{storage,
                                           arena.integer(0),
                                           integers(arena, shape),
                                           integers(arena, row_major_strides(shape)),
                                           arena.boolean(false),
                                           arena.call("collections OrderedDict", {})};
  if (!typed.empty()) return arena.call("torch._utils _rebuild_tensor_v2", std::move(arguments));
  arguments.push_back(arena.global("torch " + std::string(torch_name(dtype))));
  return arena.call("torch._utils _rebuild_tensor_v3", std::move(arguments));
}

TorchSaveWriter::TorchSaveWriter(WriteAt write, std::string pickle, std::span<const Data> data)
    : write_(std::move(write)) {
  auto add = [&](std::string name, std::string content) {
    Record record{"archive/" + std::move(name), content.size(), 0, 0, 0, content.size(), std::move(content)};
    record.crc = crc_of(0, std::as_bytes(std::span(record.content)));
    records_.push_back(std::move(record));
  };
  add("data.pkl", std::move(pickle));
  add("byteorder", "little");
  add("version", "3\n");
  first_data_ = records_.size();
  for (std::size_t k = 0; k < data.size(); ++k) {
    records_.push_back({"archive/data/" + std::to_string(k), data[k].size, 0, 0, 0, 0, {}});
  }
  std::uint64_t at = 0;
  for (std::size_t k = 0; k < records_.size(); ++k) {
    Record& record = records_[k];
    record.header = at;
    const std::uint64_t zip64 = record.size >= kZip64 ? 20 : 0;
    record.data =
        placed(at + kLocalBytes + record.name.size() + zip64 + 4,  // 4: the padding field's own header
               k < first_data_ ? -1 : data[k - first_data_].phase);
    at = record.data + record.size;
  }
  directory_at_ = at;
  length_ = at + directory().size();
}

/// What a record's local header and its entry in the directory have in common.
void TorchSaveWriter::put_facts(std::string& out, const Record& record, bool zip64, std::uint64_t extra) {
  put(out, zip64 ? 45 : 0, 2);
  put(out, 0, 4);  // no flags, stored
  put(out, 0, 4);  // no time: the same input gives the same bytes
  put(out, record.crc, 4);
  put_twice(out, std::min(record.size, kZip64), 4);
  put(out, record.name.size(), 2);
  put(out, extra, 2);
}

std::string TorchSaveWriter::local_header(const Record& record) const {
  const bool large = record.size >= kZip64;
  const std::uint64_t extra = record.data - record.header - kLocalBytes - record.name.size();
  std::string out;
  put(out, 0x04034b50, 4);
  put_facts(out, record, large, extra);
  out += record.name;
  if (large) {
    put(out, 1, 2);
    put(out, 16, 2);
    put_twice(out, record.size, 8);
  }
  const std::uint64_t padding = extra - (large ? 20 : 0) - 4;
  out += "FB";
  put(out, padding, 2);
  out.append(padding, 'Z');
  return out;
}

std::string TorchSaveWriter::directory() const {
  std::string out;
  for (const Record& record : records_) {
    const bool large = record.size >= kZip64;
    const bool far = record.header >= kZip64;
    const std::uint64_t extra = (large ? 16U : 0U) + (far ? 8U : 0U);
    put(out, 0x02014b50, 4);
    put(out, 0, 2);
    put_facts(out, record, large || far, extra > 0 ? extra + 4 : 0);
    put(out, 0, 2);  // comment
    put(out, 0, 8);  // disk and attributes
    put(out, far ? kZip64 : record.header, 4);
    out += record.name;
    if (extra > 0) {
      put(out, 1, 2);
      put(out, extra, 2);
      if (large) put_twice(out, record.size, 8);
      if (far) put(out, record.header, 8);
    }
  }
  const std::uint64_t size = out.size();
  if (directory_at_ >= kZip64 || records_.size() >= 0xffff || size >= kZip64) {
    const std::uint64_t end64 = directory_at_ + size;
    put(out, 0x06064b50, 4);
    put(out, 44, 8);
    put_twice(out, 45, 2);
    put(out, 0, 8);  // disks
    put_twice(out, records_.size(), 8);
    put(out, size, 8);
    put(out, directory_at_, 8);
    put(out, 0x07064b50, 4);
    put(out, 0, 4);
    put(out, end64, 8);
    put(out, 1, 4);
  }
  put(out, 0x06054b50, 4);
  put(out, 0, 4);
  put_twice(out, std::min<std::uint64_t>(records_.size(), 0xffff), 2);
  put(out, std::min(size, kZip64), 4);
  put(out, std::min(directory_at_, kZip64), 4);
  put(out, 0, 2);
  return out;
}

void TorchSaveWriter::append(std::size_t record, std::span<const std::byte> data) {
  const Record& to = records_.at(first_data_ + record);
  if (data.size() <= to.size - to.written) write_(to.data + to.written, data);
  keep(record, data);
}

void TorchSaveWriter::keep(std::size_t record, std::span<const std::byte> data) {
  Record& to = records_.at(first_data_ + record);
  if (data.size() > to.size - to.written)
    throw std::logic_error("TorchSaveWriter: too many bytes for " + to.name);
  to.crc = crc_of(to.crc, data);
  to.written += data.size();
}

void TorchSaveWriter::take_over(std::size_t record, std::uint32_t crc) {
  Record& to = records_.at(first_data_ + record);
  to.crc = crc;
  to.written = to.size;
}

void TorchSaveWriter::finish() {
  // Neighbouring small pieces go out together: a sharded checkpoint has thousands of these archives.
  std::string pending;
  std::uint64_t pending_at = 0;
  auto flush = [&] {
    if (!pending.empty()) write_(pending_at, std::as_bytes(std::span(pending)));
    pending.clear();
  };
  for (const Record& record : records_) {
    if (record.written != record.size)
      throw std::logic_error("TorchSaveWriter: " + record.name + " is incomplete");
    if (pending.empty()) pending_at = record.header;
    pending += local_header(record);
    pending += record.content;
    if (&record >= records_.data() + first_data_) flush();
  }
  if (pending.empty()) pending_at = directory_at_;
  pending += directory();
  flush();
}

std::string torch_save_bytes(const PickleNode& root) {
  std::string out;
  TorchSaveWriter writer(
      [&](std::uint64_t at, std::span<const std::byte> data) {
        if (out.size() < at + data.size()) out.resize(at + data.size());
        std::memcpy(out.data() + at, data.data(), data.size());
      },
      write_pickle(root), {});
  writer.finish();
  return out;
}

}  // namespace mhub
