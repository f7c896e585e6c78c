// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/store/pickle/value.hpp"
#include "mhub/store/torch_zip/torch_zip.hpp"

namespace mhub {
namespace {

// PKWARE APPNOTE.TXT 4.3: signatures and fixed sizes.
constexpr std::uint32_t kLocalHeader = 0x04034b50, kDirectoryEntry = 0x02014b50, kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr std::uint64_t kLargestDirectory = 512 << 20;  // some five million records
constexpr std::size_t kLocalSize = 30, kEntrySize = 46, kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20;

template <typename T>
T little(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

}  // namespace

void ZipReader::fail(const std::string& problem) const {
  throw InputError(what_ + ": not a readable torch.save archive: " + problem);
}

ZipReader::ZipReader(std::shared_ptr<const ByteSource> bytes, std::uint64_t begin, std::uint64_t length,
                     std::string what)
    : bytes_(std::move(bytes)), begin_(begin), end_(begin + length), what_(std::move(what)) {
  if (begin > bytes_->size() || length > bytes_->size() - begin)
    fail("it reaches beyond the end of the file");
  if (length < kEndSize) fail("it has only " + std::to_string(length) + " bytes");
  // The end record carries no comment when torch wrote it; allow the 64 KiB that the format allows.
  std::vector<std::byte> tail(static_cast<std::size_t>(std::min<std::uint64_t>(length, 4096)));
  auto read_tail = [&] { bytes_->read(end_ - tail.size(), tail); };
  auto find_end = [&]() -> std::ptrdiff_t {
    for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(tail.size() - kEndSize); at >= 0; --at) {
      const std::byte* p = tail.data() + at;
      if (little<std::uint32_t>(p) == kEnd &&
          little<std::uint16_t>(p + 20) == tail.size() - static_cast<std::size_t>(at) - kEndSize) {
        return at;
      }
    }
    return -1;
  };
  read_tail();
  std::ptrdiff_t at = find_end();
  if (at < 0 && length > tail.size()) {
    tail.resize(static_cast<std::size_t>(std::min<std::uint64_t>(length, 65536 + kEndSize)));
    read_tail();
    at = find_end();
  }
  if (at < 0)
    fail(is_legacy() ? "it was saved by torch before 1.6 (or with _use_new_zipfile_serialization=False); "
                       "load it with torch and save it again"
                     : "no end of central directory; the file is truncated or is not a zip");
  const std::byte* end = tail.data() + at;
  std::uint64_t count = little<std::uint16_t>(end + 10);
  std::uint64_t size = little<std::uint32_t>(end + 12);
  std::uint64_t offset = little<std::uint32_t>(end + 16);
  if (count == 0xffff || size == 0xffffffff || offset == 0xffffffff) {
    if (at < static_cast<std::ptrdiff_t>(kLocatorSize)) fail("no zip64 locator");
    const std::byte* locator = end - kLocatorSize;
    const std::uint64_t where = little<std::uint64_t>(locator + 8);
    if (little<std::uint32_t>(locator) != kEnd64Locator || where > length - kEnd64Size || length < kEnd64Size)
      fail("bad zip64 locator");
    std::vector<std::byte> end64(kEnd64Size);
    bytes_->read(begin_ + where, end64);
    if (little<std::uint32_t>(end64.data()) != kEnd64) fail("bad zip64 end record");
    count = little<std::uint64_t>(end64.data() + 32);
    size = little<std::uint64_t>(end64.data() + 40);
    offset = little<std::uint64_t>(end64.data() + 48);
  }
  if (offset > length || size > length - offset) fail("the central directory lies outside the file");
  read_directory(offset, size, count);
}

bool ZipReader::is_legacy() const {
  // torch/serialization.py, _legacy_save: a pickle of MAGIC_NUMBER 0x1950a86a20f9469cfc6c comes first.
  constexpr std::array<unsigned char, 12> kMagic{0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                                 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
  std::array<std::byte, 2 + kMagic.size()> start{};
  if (end_ - begin_ < start.size()) return false;
  bytes_->read(begin_, start);
  return start[0] == std::byte{0x80} && std::memcmp(start.data() + 2, kMagic.data(), kMagic.size()) == 0;
}

void ZipReader::read_directory(std::uint64_t offset, std::uint64_t size, std::uint64_t count) {
  if (size > kLargestDirectory) fail("the central directory has " + std::to_string(size) + " bytes");
  if (count > size / kEntrySize)
    fail("the central directory is shorter than its " + std::to_string(count) + " entries");
  std::vector<std::byte> directory(static_cast<std::size_t>(size));
  bytes_->read(begin_ + offset, directory);
  std::size_t at = 0;
  for (std::uint64_t k = 0; k < count; ++k) {
    if (directory.size() - at < kEntrySize || little<std::uint32_t>(directory.data() + at) != kDirectoryEntry)
      fail("bad central directory");
    const std::byte* entry = directory.data() + at;
    const std::size_t name_size = little<std::uint16_t>(entry + 28),
                      extra_size = little<std::uint16_t>(entry + 30),
                      comment_size = little<std::uint16_t>(entry + 32);
    if (directory.size() - at - kEntrySize < name_size + extra_size + comment_size)
      fail("bad central directory");
    const std::string name(reinterpret_cast<const char*>(entry + kEntrySize), name_size);
    if (!is_utf8(name)) fail("a record's name is not valid UTF-8");
    std::uint64_t packed = little<std::uint32_t>(entry + 20), plain = little<std::uint32_t>(entry + 24),
                  header = little<std::uint32_t>(entry + 42);
    if ((little<std::uint16_t>(entry + 8) & 1) != 0) fail("record " + name + " is encrypted");
    if (little<std::uint16_t>(entry + 10) != 0) fail("record " + name + " is compressed");
    // Zip64 extra field: the values that did not fit, in this order.
    const std::byte* extra = entry + kEntrySize + name_size;
    for (std::size_t e = 0; e + 4 <= extra_size;) {
      const std::size_t length = little<std::uint16_t>(extra + e + 2);
      if (e + 4 + length > extra_size) break;
      if (little<std::uint16_t>(extra + e) == 1) {
        std::size_t f = 0;
        for (std::uint64_t* value : {&plain, &packed, &header}) {
          if (*value == 0xffffffff && f + 8 <= length) {
            *value = little<std::uint64_t>(extra + e + 4 + f);
            f += 8;
          }
        }
      }
      e += 4 + length;
    }
    if (packed != plain || header > offset || offset - header < kLocalSize + name_size ||
        plain > offset - header - kLocalSize - name_size) {
      fail("record " + printable(name) + " lies outside the file");
    }
    if (!records_.emplace(name, ZipRecord{begin_ + header, plain, 0}).second)
      fail("record " + printable(name) + " is there twice");
    at += kEntrySize + name_size + extra_size + comment_size;
  }
  if (at != directory.size())
    fail("the central directory is longer than its " + std::to_string(count) + " entries");
  set_limits(begin_ + offset);
}

void ZipReader::set_limits(std::uint64_t directory) {
  std::vector<ZipRecord*> order;
  for (auto& [name, record] : records_) order.push_back(&record);
  std::sort(order.begin(), order.end(),
            [](const ZipRecord* a, const ZipRecord* b) { return a->header < b->header; });
  for (std::size_t k = 0; k < order.size(); ++k) {
    order[k]->limit = k + 1 < order.size() ? order[k + 1]->header : directory;
    if (order[k]->limit - order[k]->header < kLocalSize ||
        order[k]->limit - order[k]->header - kLocalSize < order[k]->size) {
      fail("two records share bytes");
    }
  }
}

std::uint64_t ZipReader::data_offset(const std::string& name, const ZipRecord& record) const {
  std::vector<std::byte> header(kLocalSize + name.size());
  bytes_->read(record.header, header);
  if (little<std::uint32_t>(header.data()) != kLocalHeader) fail("record " + name + " has no local header");
  const std::size_t name_size = little<std::uint16_t>(header.data() + 26);
  if (little<std::uint16_t>(header.data() + 8) != 0 || name_size != name.size() ||
      std::memcmp(header.data() + kLocalSize, name.data(), name_size) != 0) {
    fail("the local header of record " + name + " differs from the directory");
  }
  const std::uint64_t data =
      record.header + kLocalSize + name_size + little<std::uint16_t>(header.data() + 28);
  if (data > record.limit || record.size > record.limit - data)
    fail("record " + name + " reaches beyond its place");
  return data;
}

std::string ZipReader::read(const std::string& name, std::uint64_t limit) const {
  const auto it = records_.find(name);
  if (it == records_.end()) fail("record " + name + " is missing");
  if (it->second.size > limit)
    fail("record " + name + " has " + std::to_string(it->second.size) + " bytes, expected at most " +
         std::to_string(limit));
  const std::uint64_t at = data_offset(name, it->second);
  std::string content(static_cast<std::size_t>(it->second.size), '\0');
  bytes_->read(at, std::as_writable_bytes(std::span(content)));
  return content;
}

}  // namespace mhub
