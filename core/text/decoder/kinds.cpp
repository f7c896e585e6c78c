// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/decoder/kinds.hpp"

#include "mhub/text/registry.hpp"

namespace mhub::text {
namespace {

constexpr Kind<Decoder> kKinds[] = {
    {"BPEDecoder", make_bpe_decoder},
    {"ByteFallback", make_byte_fallback_decoder},
    {"ByteLevel", make_byte_level_decoder},
    {"CTC", make_ctc_decoder},
    {"Fuse", make_fuse_decoder},
    {"Metaspace", make_metaspace_decoder},
    {"Replace", make_replace_decoder},
    {"Sequence", make_decoder_sequence},
    {"Strip", make_strip_decoder},
    {"WordPiece", make_word_piece_decoder},
};

}  // namespace

std::unique_ptr<Decoder> make_decoder(const Settings& settings) {
  return make_component<Decoder>(kKinds, "decoder", settings);
}

}  // namespace mhub::text
