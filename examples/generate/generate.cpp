// SPDX-License-Identifier: Apache-2.0
// The programming interface on one page: generate MODEL [PROMPT], where MODEL is a Llama as a Hugging Face
// folder, a Megatron checkpoint of any layout or an HDF5 archive. Without a prompt, three made-up tokens are
// continued.
#include <iostream>
#include <mhub/base/error.hpp>
#include <mhub/plugins/llama/llama.hpp>
#include <mhub/pretrained/pretrained_causal_lm.hpp>

int main(int argc, char** argv) {
  using Model = mhub::PreTrainedCausalLM<mhub::llama::LlamaForCausalLM>;
  if (argc < 2) {
    std::cerr << "usage: generate MODEL [PROMPT]\n";
    return 2;
  }
  try {
    auto model =
        Model::from_pretrained(argv[1], {.threads = 2});  // another class is an error that names both
    std::cout << model << "\n";                           // from headers alone

    const mhub::llama::LlamaConfig config = model.config();
    std::cout << config.num_attention_heads << " heads in " << config.num_key_value_heads << " groups\n";
    for (const auto& tensor : model.state()["*.self_attention.linear_qkv.weight"])
      std::cout << tensor.name() << ": " << tensor.numel() << " elements\n";

    mhub::GenerateOptions options{.max_new_tokens = 8, .temperature = 0.0};
    if (argc > 2) {
      options.on_text = [](std::string_view text) { std::cout << text << std::flush; };
      model.generate(argv[2], options);  // what model.encode makes of the prompt
    } else {
      const std::int64_t prompt[] = {1, 2, 3};
      for (const std::int64_t token : model.generate(prompt, options).tokens) std::cout << token << " ";
    }
    std::cout << "\n";
    return 0;
  } catch (const mhub::Error& error) {
    std::cerr << "generate: " << error.what() << "\n";
    return 3;
  }
}
