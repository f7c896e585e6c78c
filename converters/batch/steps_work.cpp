// SPDX-License-Identifier: Apache-2.0
#include "steps_work.hpp"

#include <algorithm>
#include <cmath>

#include "converters/logits_comparison.hpp"
#include "converters/options.hpp"
#include "mhub/base/file.hpp"
#include "mhub/convert/verify.hpp"
#include "mhub/hub/source.hpp"
#include "mhub/hub/upload.hpp"
#include "mhub/pretrained/pretrained_causal_lm.hpp"
#include "mhub/runtime/logits_stream.hpp"
#include "mhub/runtime/make_backend.hpp"

namespace mhub::converters {
namespace {

OpenOptions opening(const RecipeEntry& entry, const StepContext& context) {
  OpenOptions open;
  open.hf_reference = entry.request.open.hf_reference;
  open.hf_class = entry.request.open.hf_class;
  open.callbacks = context.callbacks;
  return open;
}

/// Every logit behind these tokens.
void require_finite(CausalLM& model, std::vector<std::int64_t> tokens, const std::string& what) {
  runtime::LogitsStream logits(model.model(), {std::move(tokens)});
  const auto width = static_cast<std::size_t>(model.model().vocab_size());
  std::size_t token = 0;
  for (auto rows = logits.next(); !rows.empty(); rows = logits.next()) {
    for (std::size_t at = 0; at < rows.size(); at += width, ++token) {
      const auto row = rows.subspan(at, width);
      if (!std::all_of(row.begin(), row.end(), [](float value) { return std::isfinite(value); }))
        throw MismatchError(what + ": the logits behind token " + std::to_string(token) +
                            " of prompt and answer are not finite; is the source whole?");
    }
  }
}

}  // namespace

nlohmann::json do_download(const RecipeEntry& entry, const StepContext& context) {
  const Source source = resolve_source(entry.request.source, SourceUse::model, context.callbacks);
  return {{"path", source.path}, {"notes", source.notes}};
}

nlohmann::json do_generate(const RecipeEntry& entry, const StepContext& context) {
  const GenerateStep& step = *entry.steps.generate;
  LoadOptions load;
  load.threads = context.threads;
  load.hf_reference = entry.request.open.hf_reference;
  load.cancelled = context.callbacks.cancelled;
  load.download = context.callbacks;
  CausalLM model = CausalLM::from_pretrained(entry.result(), load);
  const std::vector<std::int64_t> prompt =
      step.tokens.empty() ? model.encode(step.prompt) : parse_tokens(step.tokens);
  GenerateOptions options;
  options.max_new_tokens = step.max_new_tokens;
  options.do_sample = false;
  // A model that would rather stop has to go on: nothing said is nothing seen.
  options.eos_token_id.emplace();
  const TextGeneration answer = model.generate(prompt, options);
  if (answer.tokens.empty()) throw MismatchError(entry.result() + ": generates no token");
  std::vector<std::int64_t> all = prompt;
  all.insert(all.end(), answer.tokens.begin(), answer.tokens.end());
  require_finite(model, std::move(all), entry.result());
  if (answer.text.find(step.expect) == std::string::npos)
    throw MismatchError(entry.result() + ": expected \"" + step.expect + "\" in the answer, found \"" +
                        answer.text + "\"");
  return {{"text", answer.text}, {"tokens", answer.tokens}, {"prompt_tokens", prompt.size()}};
}

nlohmann::json do_logits(const RecipeEntry& entry, const StepContext& context) {
  const LogitsStep& step = *entry.steps.logits;
  const auto [source, output] =
      open_both(entry.request.source, entry.request.output, opening(entry, context));
  std::vector<std::int64_t> tokens;
  if (!step.tokens.empty()) tokens = parse_tokens(step.tokens);
  const auto backend = runtime::make_backend({"cpu", context.threads, DType::f32});
  const LogitsComparison found =
      compare_logits(source, output, std::move(tokens), *backend, context.callbacks.cancelled);
  if (!(found.relative() <= step.tolerance))
    throw MismatchError(entry.request.output + ": logits differ from those of " + entry.request.source +
                        " by " + std::to_string(found.relative()) + " of the largest, more than " +
                        std::to_string(step.tolerance));
  return {{"tokens", found.tokens},
          {"relative_difference", found.relative()},
          {"different_choices", found.choices}};
}

nlohmann::json do_upload(const RecipeEntry& entry, const StepContext& context, std::set<std::string> own) {
  const UploadStep& step = *entry.steps.upload;
  if (!fs::exists(entry.result()))
    throw InputError(entry.result() + ": is not here to be uploaded; convert or download it first");
  UploadOptions options;
  options.create = step.create;
  options.is_private = step.is_private;
  if (!step.message.empty()) options.message = step.message;
  options.own = std::move(own);
  options.callbacks = context.callbacks;
  Hub hub(HubSettings::from_environment());
  Uploaded done = upload(hub, entry.result(), require_repo_id(step.place()), options);
  for (const std::string& name : done.deleted)
    done.notes.push_back(name + " of an earlier upload was deleted there");
  return {{"repository", done.repo}, {"revision", done.revision}, {"commit", done.commit},
          {"files", done.files},     {"changed", done.changed},   {"uploaded_bytes", done.uploaded_bytes},
          {"notes", done.notes}};
}

}  // namespace mhub::converters
