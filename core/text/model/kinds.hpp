// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/text/model/model.hpp"

namespace mhub::text {

// One function per kind, each in the source file of its name.
std::unique_ptr<Model> make_bpe_model(const ModelFile& file);
std::unique_ptr<Model> make_unigram_model(const ModelFile& file);
std::unique_ptr<Model> make_word_level_model(const ModelFile& file);
std::unique_ptr<Model> make_word_piece_model(const ModelFile& file);

}  // namespace mhub::text
