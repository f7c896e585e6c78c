// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/generate_options.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"

namespace mhub::runtime {
namespace {

constexpr std::int64_t kDefaultNewTokens = 128;

SamplingOptions sampling_of(const GenerateOptions& options, SamplingOptions model) {
  const bool filtered = options.top_k || options.top_p || options.min_p;
  if (options.do_sample) {
    model.do_sample = *options.do_sample;
  } else if (options.temperature) {
    model.do_sample = *options.temperature != 0;
  } else if (filtered) {
    model.do_sample = true;
  }
  model.temperature = options.temperature.value_or(model.temperature);
  model.top_k = options.top_k.value_or(model.top_k);
  model.top_p = options.top_p.value_or(model.top_p);
  model.min_p = options.min_p.value_or(model.min_p);
  return model;
}

LogitsRules rules_of(const GenerateOptions& options, LogitsRules model) {
  model.repetition_penalty = options.repetition_penalty.value_or(model.repetition_penalty);
  model.no_repeat_ngram_size = options.no_repeat_ngram_size.value_or(model.no_repeat_ngram_size);
  model.min_new_tokens = options.min_new_tokens.value_or(model.min_new_tokens);
  return model;
}

/// What `work` refuses of settings, the model's own file has said, not the caller.
template <typename Work>
auto of_model(const GenerationConfig& model, const Work& work) {
  try {
    return work();
  } catch (const UsageError& error) {
    throw InputError(model.file + ": " + error.what());
  }
}

/// What the model's own config says must be what mhub can do, where the caller does not say otherwise.
void require_usable(const GenerationConfig& model, const GenerateOptions& options,
                    const GenerationOptions& resolved, std::int64_t vocabulary) {
  for (const UnsupportedField& one : model.unsupported) {
    const bool said = one.field == "top_k" && options.top_k;
    if ((!one.sampling || resolved.sampling.do_sample) && !said)
      throw InputError(model.file + ": " + one.field + "=" + one.value + " is not supported");
  }
  of_model(model, [&] {
    check(resolved.sampling);
    check(resolved.rules, vocabulary);
  });
}

/// How many tokens to add to a prompt.
std::int64_t new_tokens(const GenerateOptions& options, const GenerationConfig& model, std::size_t prompt) {
  const auto behind_prompt = [&](std::int64_t length) {
    const std::int64_t left = length - static_cast<std::int64_t>(prompt);
    if (left > 0) return left;
    throw UsageError("max_length " + std::to_string(length) + ": the prompt alone has " +
                     std::to_string(prompt) + " tokens; give max_new_tokens, or a max_length above that");
  };
  if (options.max_new_tokens) return *options.max_new_tokens;
  if (options.max_length) return behind_prompt(*options.max_length);
  if (model.max_new_tokens) return *model.max_new_tokens;
  return of_model(model,
                  [&] { return model.max_length ? behind_prompt(*model.max_length) : kDefaultNewTokens; });
}

/// What ends an answer must be able to come.
void require_tokens(const std::string& name, const std::vector<std::int64_t>& tokens,
                    std::int64_t vocabulary) {
  for (const std::int64_t token : tokens) {
    if (token < 0 || token >= vocabulary)
      throw UsageError(name + " " + std::to_string(token) + ": expected a token of the vocabulary of " +
                       std::to_string(vocabulary));
  }
}

}  // namespace

GenerationOptions resolve(const GenerateOptions& options, const GenerationConfig& model, std::size_t prompt,
                          std::int64_t vocabulary) {
  GenerationOptions result;
  // By itself first, so that it is known who said what cannot be.
  check(sampling_of(options, {}));
  check(rules_of(options, {}), vocabulary);
  if (std::find(options.stop_strings.begin(), options.stop_strings.end(), "") != options.stop_strings.end())
    throw UsageError("stop_strings: an empty text cannot end an answer");
  require_tokens("stop_token_ids", options.stop_token_ids, vocabulary);
  if (options.eos_token_id) require_tokens("eos_token_id", *options.eos_token_id, vocabulary);
  result.sampling = sampling_of(options, model.sampling);
  result.rules = rules_of(options, model.rules);
  require_usable(model, options, result, vocabulary);
  result.eos_token_ids = options.eos_token_id.value_or(model.eos_token_ids);
  result.max_new_tokens = new_tokens(options, model, prompt);
  if (options.min_new_tokens.value_or(0) > result.max_new_tokens)
    throw UsageError("min_new_tokens " + std::to_string(*options.min_new_tokens) + ": there are at most " +
                     std::to_string(result.max_new_tokens) + " new tokens; give max_new_tokens");
  result.seed = options.seed;
  // What the model's file says can only switch it off: the tokens are the same.
  result.use_mtp = options.use_mtp;
  if (!result.use_mtp && model.use_mtp == false) result.use_mtp = false;
  result.precision = options.exact ? Precision::exact : Precision::fast;
  return result;
}

}  // namespace mhub::runtime
