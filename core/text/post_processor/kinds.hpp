// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/text/post_processor/post_processor.hpp"

namespace mhub::text {

// One function per kind, each in the source file of its name.
std::unique_ptr<PostProcessor> make_byte_level_post_processor(const Settings& settings);
/// BertProcessing and RobertaProcessing, which differ for pairs of texts only.
std::unique_ptr<PostProcessor> make_cls_sep_post_processor(const Settings& settings);
std::unique_ptr<PostProcessor> make_post_processor_sequence(const Settings& settings);
std::unique_ptr<PostProcessor> make_template_post_processor(const Settings& settings);

}  // namespace mhub::text
