// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <random>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/file.hpp"
#include "mhub/text/tokenizer.hpp"

BOOST_AUTO_TEST_SUITE(sentencepiece_model)

using namespace mhub;
using namespace mhub::tests;

namespace {

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void put_number(std::string& out, std::uint32_t field, std::uint64_t value) {
  put_varint(out, field << 3);
  put_varint(out, value);
}

void put_bytes(std::string& out, std::uint32_t field, const std::string& bytes) {
  put_varint(out, field << 3 | 2);
  put_varint(out, bytes.size());
  out += bytes;
}

std::string piece(const std::string& text, float score, std::uint64_t type) {
  std::string out;
  put_bytes(out, 1, text);
  put_varint(out, 2 << 3 | 5);
  const auto bits = std::bit_cast<std::uint32_t>(score);
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
  put_number(out, 3, type);
  return out;
}

/// A BPE model (type 2) or a Unigram one (1) with pieces for "ab".
std::string model(std::uint64_t type, bool dummy_prefix = true) {
  std::string out;
  for (const std::string& one :
       {piece("<unk>", 0, 2), piece("<s>", 0, 3), piece("</s>", 0, 3), piece("<tool>", 0, 4),
        piece("\u2581"
              "ab",
              -1, 1),
        piece("ab", -2, 1), piece("\u2581", -3, 1), piece("a", -4, 1), piece("b", -5, 1)})
    put_bytes(out, 1, one);
  std::string trainer;
  put_number(trainer, 3, type);
  put_bytes(out, 2, trainer);
  std::string normalizer;
  put_number(normalizer, 3, dummy_prefix ? 1 : 0);
  put_number(normalizer, 4, 0);
  put_bytes(out, 3, normalizer);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(bpe_and_unigram) {
  for (const std::uint64_t type : {1u, 2u}) {
    const TemporaryFolder folder;
    write_file(folder.file("tokenizer.model"), model(type));
    const Tokenizer tokenizer = Tokenizer::from_directory(folder.path());
    BOOST_TEST(tokenizer.encode("ab  ba<tool>x") == (TokenIds{1, 4, 6, 6, 8, 7, 3, 6, 0}),
               boost::test_tools::per_element());
    BOOST_TEST(tokenizer.decode(TokenIds{1, 4, 6, 4}, {.skip_special_tokens = true}) == "ab  ab");
    BOOST_TEST(tokenizer.is_special(1));
    BOOST_TEST(!tokenizer.is_special(3));
  }
}

BOOST_AUTO_TEST_CASE(the_config_decides_about_the_frame) {
  const TemporaryFolder folder;
  write_file(folder.file("tokenizer.model"), model(2, false));
  write_file(folder.file("tokenizer_config.json"),
             std::string(R"({"add_bos_token": false, "add_eos_token": true})"));
  const Tokenizer tokenizer = Tokenizer::from_directory(folder.path());
  BOOST_TEST(tokenizer.encode("ab") == (TokenIds{5, 2}), boost::test_tools::per_element());
  BOOST_TEST(tokenizer.decode(TokenIds{4}) == " ab");
}

BOOST_AUTO_TEST_CASE(damaged_models_are_refused_by_name) {
  const std::string good = model(2);
  const auto load = [](const std::string& bytes) {
    const TemporaryFolder folder;
    write_file(folder.file("tokenizer.model"), bytes);
    return Tokenizer::from_directory(folder.path()).encode("ab ba");
  };
  BOOST_CHECK_EXCEPTION(load(""), InputError, message_has("tokenizer.model", "unk_id"));
  BOOST_CHECK_EXCEPTION(load(good.substr(0, 40)), InputError, message_has("tokenizer.model", "damaged"));
  BOOST_CHECK_EXCEPTION(load(model(3)), InputError, message_has("model type 3"));
  std::mt19937 random(19);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = good;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    try {
      load(damaged);
    } catch (const InputError&) {  // or it loads as something else
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
