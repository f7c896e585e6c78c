// SPDX-License-Identifier: Apache-2.0
#include "mhub/convert/share.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "mhub/base/checksum.hpp"
#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/json.hpp"

namespace mhub {
namespace {

constexpr std::uint64_t kLargestNote = 1ULL << 32;
/// Digits of the checksum that a note begins with.
constexpr std::size_t kChecksum = 32;

std::string name_of(const Share& share) {
  return "part-" + std::to_string(share.part) + "-of-" + std::to_string(share.of);
}

std::string path_of(const std::string& folder, const Share& share) {
  return (fs::path(folder) / name_of(share)).string();
}

int rank_of(const CopyPlan& plan, std::size_t chunk) {
  const ChunkPlan& one = plan.chunks[chunk];
  return plan.tensors[one.tensor].chunks[one.chunk].rank;
}

/// Gives groups of chunks to parts: the largest first, each to the part that has least.
std::vector<std::size_t> part_of_groups(const CopyPlan& plan,
                                        const std::vector<std::vector<std::size_t>>& groups, int part,
                                        int of) {
  std::vector<std::uint64_t> bytes;
  for (const std::vector<std::size_t>& group : groups) {
    std::uint64_t sum = 0;
    for (const std::size_t chunk : group) sum += byte_size(plan.chunks[chunk]);
    bytes.push_back(sum);
  }
  std::vector<std::size_t> order(groups.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return bytes[a] > bytes[b]; });
  std::vector<std::uint64_t> filled(static_cast<std::size_t>(of));
  std::vector<std::size_t> mine;
  for (const std::size_t group : order) {
    const auto least = std::min_element(filled.begin(), filled.end());
    *least += bytes[group];
    if (least - filled.begin() == part - 1)
      mine.insert(mine.end(), groups[group].begin(), groups[group].end());
  }
  std::sort(mine.begin(), mine.end());
  return mine;
}

/// A note, which must be of this conversion.
nlohmann::json read_note(const std::string& folder, const Share& share, const std::string& key) {
  const std::string path = path_of(folder, share);
  const std::string text = read_file(path, kLargestNote);
  if (text.size() < kChecksum || checksum_of(text.substr(kChecksum)) != text.substr(0, kChecksum))
    throw InputError(path + ": is damaged; remove it, and run that part again");
  nlohmann::json note = parse_json(text.substr(kChecksum), path);
  if (note.at("key") != key)
    throw InputError(path + ": is the note of another conversion (another source, other options or another " +
                     "version of mhub); remove " + folder + " to start anew");
  return note;
}

/// The file has all of a chunk, as far as its length tells.
void require_bytes(const CopyPlan& plan, std::size_t chunk, const TensorSink& sink) {
  const ChunkPlan& one = plan.chunks[chunk];
  std::byte last{};
  if (byte_size(one) == 0 || sink.read_back(one.tensor, one.chunk, byte_size(one) - 1, std::span(&last, 1)))
    return;
  throw IoError("tensor " + plan.tensors[one.tensor].name +
                ": a part's note says that it is written, and its " +
                "bytes are not there; do all processes see one file system?");
}

}  // namespace

std::vector<std::size_t> chunks_of_part(const CopyPlan& plan, int part, int of) {
  std::map<int, std::vector<std::size_t>> ranks;
  for (std::size_t k = 0; k < plan.chunks.size(); ++k) ranks[rank_of(plan, k)].push_back(k);
  std::vector<std::vector<std::size_t>> groups;
  if (ranks.size() >= static_cast<std::size_t>(of)) {
    for (auto& [rank, chunks] : ranks) groups.push_back(std::move(chunks));
  } else {
    for (std::size_t k = 0; k < plan.chunks.size(); ++k) groups.push_back({k});
  }
  return part_of_groups(plan, groups, part, of);
}

bool has_note(const std::string& folder, const Share& share, const std::string& key) {
  if (!fs::exists(path_of(folder, share))) return false;
  read_note(folder, share, key);
  return true;
}

void leave_note(const std::string& folder, const Share& share, const std::string& key, const CopyPlan& plan,
                const std::vector<std::size_t>& chunks, const Executed& done, const TensorSink& sink) {
  nlohmann::json list = nlohmann::json::array();
  for (std::size_t k = 0; k < chunks.size(); ++k) {
    const ChunkPlan& one = plan.chunks[chunks[k]];
    list.push_back({chunks[k], done.checksums[k], sink.crc(one.tensor, one.chunk), done.losses[k].to_infinity,
                    done.losses[k].to_zero});
  }
  const std::string text =
      json_text({{"key", key}, {"shared_bytes", done.shared_bytes}, {"chunks", std::move(list)}});
  put_file(path_of(folder, share), checksum_of(text) + text, Writers::several);
}

void remove_notes(const std::string& folder, int of) {
  for (int part = 1; part <= of; ++part) fs::remove(path_of(folder, {part, of}));
}

Executed take_parts(const std::string& folder, int of, const std::string& key, const CopyPlan& plan,
                    TensorSink& sink) {
  Executed all{std::vector<std::string>(plan.chunks.size()), std::vector<CastLosses>(plan.chunks.size()), 0};
  for (int part = 1; part <= of; ++part) {
    const Share share{part, of};
    if (!has_note(folder, share, key))
      throw UsageError("part " + std::to_string(part) + " of " + std::to_string(of) +
                       " is not done: run --part " + std::to_string(part) + "/" + std::to_string(of) +
                       " with the same options");
    const nlohmann::json note = read_note(folder, share, key);
    all.shared_bytes += note.at("shared_bytes").get<std::uint64_t>();
    for (const nlohmann::json& line : note.at("chunks")) {
      const auto chunk = line.at(0).get<std::size_t>();
      const ChunkPlan& one = plan.chunks.at(chunk);
      require_bytes(plan, chunk, sink);
      sink.take_over(one.tensor, one.chunk, line.at(2).get<std::uint32_t>());
      all.checksums[chunk] = line.at(1).get<std::string>();
      all.losses[chunk].to_infinity = line.at(3).get<std::uint64_t>();
      all.losses[chunk].to_zero = line.at(4).get<std::uint64_t>();
    }
  }
  if (std::find(all.checksums.begin(), all.checksums.end(), "") != all.checksums.end())
    throw std::logic_error("the parts of a conversion do not make up the whole");
  return all;
}

}  // namespace mhub
