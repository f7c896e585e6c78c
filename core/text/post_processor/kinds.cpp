// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/post_processor/kinds.hpp"

#include "mhub/text/registry.hpp"

namespace mhub::text {
namespace {

constexpr Kind<PostProcessor> kKinds[] = {
    {"BertProcessing", make_cls_sep_post_processor},      {"ByteLevel", make_byte_level_post_processor},
    {"RobertaProcessing", make_cls_sep_post_processor},   {"Sequence", make_post_processor_sequence},
    {"TemplateProcessing", make_template_post_processor},
};

}  // namespace

std::unique_ptr<PostProcessor> make_post_processor(const Settings& settings) {
  return make_component<PostProcessor>(kKinds, "post-processor", settings);
}

}  // namespace mhub::text
