// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/text/decoder/decoder.hpp"

namespace mhub::text {

// One function per kind, each in the source file of its name.
std::unique_ptr<Decoder> make_bpe_decoder(const Settings& settings);
std::unique_ptr<Decoder> make_byte_fallback_decoder(const Settings& settings);
std::unique_ptr<Decoder> make_byte_level_decoder(const Settings& settings);
std::unique_ptr<Decoder> make_ctc_decoder(const Settings& settings);
std::unique_ptr<Decoder> make_decoder_sequence(const Settings& settings);
std::unique_ptr<Decoder> make_fuse_decoder(const Settings& settings);
std::unique_ptr<Decoder> make_metaspace_decoder(const Settings& settings);
std::unique_ptr<Decoder> make_replace_decoder(const Settings& settings);
std::unique_ptr<Decoder> make_strip_decoder(const Settings& settings);
std::unique_ptr<Decoder> make_word_piece_decoder(const Settings& settings);

}  // namespace mhub::text
